"""What a policy knows of a payload's columns, where a client names them otherwise than the reference did.

Applied between `sidecar.codecs` and `sidecar.features.laying`, to the calls of policies that have a `schema`
only. Pictures keep their shape; everything else is taken apart into columns.
"""

from __future__ import annotations

from collections import Counter

from sidecar.errors import Undecodable, reason
from sidecar.exchange import Hints, Payload, Tensor
from sidecar.features.columns import columns


def hinted(payload: Payload, hints: Hints) -> Payload:
    """The payload with its columns named by position (`names`), without some (`ignore`), and with others
    called otherwise (`rename`), in this order. Raises Undecodable when there are too few names, or one
    twice."""
    if not (hints.names or hints.ignore or hints.rename):
        return payload
    pictures = {tensor.name: tensor for tensor in payload.tensors if tensor.data.ndim >= 3}
    flat = tuple(tensor for tensor in payload.tensors if tensor.data.ndim < 3)
    found = columns(Payload(payload.codec, flat)) if flat else {}
    if hints.names:
        if len(hints.names) != len(found):
            raise Undecodable(reason("schema-mismatch:columns", str(len(found))))
        found = dict(zip(hints.names, found.values(), strict=True))
    tensors = [*pictures.values(), *(Tensor(name, column) for name, column in found.items())]
    kept = tuple(
        Tensor(hints.rename.get(one.name, one.name), one.data)
        for one in tensors
        if one.name not in hints.ignore
    )
    if twice := next((name for name, times in Counter(one.name for one in kept).items() if times > 1), None):
        raise Undecodable(reason("duplicate-name", twice))
    if not kept:
        raise Undecodable("no-rows")
    return Payload(payload.codec, kept, payload.model, payload.version, payload.brought)
