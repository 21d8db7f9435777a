"""Names of categories that the reference doesn't know, for rows that were flagged.

In `Features.values` such a category is just the code after the last one, which tells that it's new but not
what it is. Only the call's body has its name; the data plane sends it along with flagged calls for this.
"""

from __future__ import annotations

import numpy as np

from sidecar import codecs
from sidecar.errors import SidecarError
from sidecar.exchange import Record, Request
from sidecar.features import Schema, columns, label

NAME_LENGTH = 128
"""Characters kept of a name."""


def new_categories(record: Record, row: int, schema: Schema) -> dict[str, str]:
    """What the new categories of a row of the call are called, by field; empty when the body isn't there."""
    width = len(schema.fields)
    codes = np.frombuffer(record.features, "<f8", width, 8 * width * row).tolist()
    new = [
        field.name
        for field, code in zip(schema.fields, codes, strict=True)
        if field.categories and code == len(field.categories)
    ]
    if not new or not record.request_body:
        return {}
    request = Request(record.method, record.target, record.request_headers, record.request_body)
    try:
        codec = codecs.choose(request, record.codec)
        found = columns(codec.decode(request)) if codec is not None else {}
    except SidecarError:
        return {}
    names = {name: label(found[name][row]) for name in new if name in found}
    return {field: name[:NAME_LENGTH] for field, name in names.items() if name}
