"""Payload -> Features: named tensors laid out as the matrix that a baseline was fitted on.

The schema is the reference's: which fields there were, of which kind, and what a missing value becomes.
`sidecar.baseline` infers it, every call is laid out against it. Counterpart: `sidecar.codecs`, which made
the payload and knows nothing of schemas.

    schema      which fields there are, and in which order
    columns     a payload as flat named columns, and the columns that a schema asks for
    cells       one value of a plain field -> its number
    dates, ids, texts, images     one column -> the several fields that it is read as
    laying      all of it, in order
    hints       columns that a policy knows by other names
    contrast    where two answers to one question differ
"""

from __future__ import annotations

from sidecar.features.cells import label
from sidecar.features.columns import Column, column_names, columns
from sidecar.features.hints import hinted
from sidecar.features.laying import lay_out
from sidecar.features.schema import Field, Reading, Schema

__all__ = [
    "Column",
    "Field",
    "Reading",
    "Schema",
    "column_names",
    "columns",
    "hinted",
    "label",
    "lay_out",
]
