"""Wire formats: bytes <-> Payload, one format per file; this is the table of them.

A codec is found by method, path and headers, never by a guess from the body: a wrong guess would be a score
of nonsense that looks like one of sense. Counterpart: `sidecar.features`.
"""

from __future__ import annotations

from sidecar.codecs import by_type, grpc_messages, mlflow, openai, tf_grpc, v1, v2, v2_grpc
from sidecar.codecs.codec import Codec
from sidecar.errors import UsageError
from sidecar.exchange import Request

CODECS: tuple[Codec, ...] = (
    v2.CODEC,
    v1.CODEC,
    mlflow.CODEC,
    openai.CODEC,
    *map(by_type.codec, by_type.FORMATS),
)
"""In order of precedence: protocols that own a path come before formats that only have a media type."""

OVER_GRPC: tuple[Codec, ...] = (v2_grpc.CODEC, tf_grpc.CODEC)
"""What is found by its path alone, whatever a setting says: no other codec can read a body of gRPC."""

NAMES: tuple[str, ...] = tuple(codec.name for codec in CODECS)


def choose(request: Request, hint: str = "auto") -> Codec | None:
    """The codec for this request, or None when there is none: it passes through and is not scored.

    Looks at method, path, Content-Type and the presence of Inference-Header-Content-Length, and at nothing
    else, so the answer may be cached under these four. A `hint` from the settings decides for every POST,
    whatever its path and type. Raises UsageError for a hint that names no codec.
    """
    if grpc_messages.matches(request.headers):
        return next((codec for codec in OVER_GRPC if codec.matches(request)), None)
    if hint == "auto":
        return next((codec for codec in CODECS if codec.matches(request)), None)
    if hint not in NAMES:
        raise UsageError(f"codec: {hint!r} is unknown; use auto or one of {', '.join(NAMES)}")
    return CODECS[NAMES.index(hint)] if request.method == "POST" else None


__all__ = ["CODECS", "NAMES", "OVER_GRPC", "Codec", "choose"]
