"""The same request with other numbers: what a model is asked when it is asked again.

Everything but the numbers stays as the caller wrote it, so the model cannot refuse the one for a reason that
it would not have had for the other. Only where a request is one array of plain numbers; whoever sends named
columns, several tensors or compressed bodies is not asked for. Counterpart: `sidecar.proxy.squeezing`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from sidecar.codecs.codec import Codec
from sidecar.codecs.json_text import parse
from sidecar.codecs.v2 import JSON_LENGTH
from sidecar.errors import Undecodable
from sidecar.exchange import Matrix, Request, header

Numbers = NDArray[Any]
"""In the shape and of the kind of the request's own."""


def rewritten(codec: Codec, request: Request, rows: Matrix) -> bytes | None:
    """The body of `request` with these rows in place of its own, (rows, columns) in the request's order; None
    when that cannot be done. Whole numbers stay whole numbers."""
    rewrite = REWRITERS.get(codec.name)
    if rewrite is None or header(request.headers, b"content-encoding") is not None:
        return None
    try:
        tensors = codec.decode(request).tensors
    except Undecodable:
        return None
    data, named = tensors[0].data, tensors[0].columns is not None
    if len(tensors) > 1 or named or data.dtype.kind not in "fiu" or data.size != rows.size:
        return None
    numbers = rows.reshape(data.shape)
    whole = data.dtype.kind in "iu"
    return rewrite(request, (np.rint(numbers) if whole else numbers).astype(data.dtype))


def _v1(request: Request, numbers: Numbers) -> bytes:
    document = parse(request.body)
    key = "instances" if "instances" in document else "inputs"
    return orjson.dumps({**document, key: numbers.tolist()})


def _v2(request: Request, numbers: Numbers) -> bytes | None:
    field = header(request.headers, JSON_LENGTH)
    document = parse(request.body[: int(field)] if field is not None else request.body)
    (entry,) = document["inputs"]
    if "data" not in entry:
        if entry["datatype"] == "BF16":  # there are no such numbers in numpy
            return None
        assert field is not None  # where else should its bytes have been
        return request.body[: int(field)] + numbers.tobytes()
    return orjson.dumps({**document, "inputs": [{**entry, "data": numbers.ravel().tolist()}]})


REWRITERS: dict[str, Callable[[Request, Numbers], bytes | None]] = {"v1": _v1, "v2": _v2}
"""Codecs whose requests can be written: those of a path that only predicts, whose answer can be read."""
