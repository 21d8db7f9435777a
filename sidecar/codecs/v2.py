"""V2, the Open Inference Protocol: KServe, Triton, MLServer, TorchServe, OpenVINO.

    POST /v2/models/{model}[/versions/{version}]/infer
    {"inputs": [{"name", "shape", "datatype", "data"}, ...]} -> {"outputs": [...]}

Under the binary extension the JSON part is `Inference-Header-Content-Length` bytes long; the tensors that
have a `binary_data_size` follow it in order, little-endian and row-major. Some tensors may
be binary and others JSON in one message, in either direction.

https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol
https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/extension_binary_data.md
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from sidecar.codecs import v2_tensor
from sidecar.codecs.codec import Codec, may_be_json, media_type
from sidecar.codecs.json_text import parse
from sidecar.codecs.table import MAX_COLUMNS
from sidecar.errors import Undecodable, reason
from sidecar.exchange import Headers, Payload, Reply, Request, Tensor, header

JSON_LENGTH = b"inference-header-content-length"

_PATH = re.compile(r"/v2/models/([^/]+)(?:/versions/([^/]+))?/infer$")


def matches(request: Request) -> bool:
    if request.method != "POST" or _PATH.search(request.path) is None:
        return False
    return may_be_json(media_type(request.headers)) or header(request.headers, JSON_LENGTH) is not None


def read(request: Request) -> Payload:
    found = _PATH.search(request.path)
    model, version = found.groups() if found else (None, None)
    document, blob = _parts(request.headers, request.body)
    return Payload(
        "v2",
        _tensors(document, "inputs", blob),
        unquote(model) if model else None,
        unquote(version) if version else None,
    )


def read_reply(request: Request, reply: Reply, rows: int) -> Payload:
    document, blob = _parts(reply.headers, reply.body)
    tensors = _tensors(document, "outputs", blob)
    model, version = document.get("model_name"), document.get("model_version")
    return Payload(
        "v2", tensors, model if type(model) is str else None, version if type(version) is str else None
    )


def _parts(headers: Headers, body: bytes) -> tuple[Any, memoryview]:
    """The JSON part and the bytes of the binary tensors."""
    field = header(headers, JSON_LENGTH)
    if field is None:
        return parse(body), memoryview(b"")
    if not (field.isdigit() and len(field) < 16):
        raise Undecodable("malformed-inference-header")
    length = int(field)
    if length > len(body):
        raise Undecodable("truncated")
    return parse(body[:length]), memoryview(body)[length:]


def _tensors(document: Any, key: str, blob: memoryview) -> tuple[Tensor, ...]:
    if type(document) is not dict:
        raise Undecodable("not-an-object")
    entries = document.get(key)
    if type(entries) is not list:
        raise Undecodable(f"no-{key}")
    if len(entries) > MAX_COLUMNS:
        raise Undecodable("too-many-columns")
    tensors = []
    for entry in entries:
        if type(entry) is not dict or type(name := entry.get("name")) is not str:
            raise Undecodable("nameless-tensor")
        size = _binary_size(name, entry)
        if size is None:
            tensors.append(v2_tensor.from_json(name, entry))
        elif size > len(blob):
            raise Undecodable("truncated")
        else:
            tensors.append(v2_tensor.from_bytes(name, entry, blob[:size]))
            blob = blob[size:]
    if blob:
        raise Undecodable("trailing-bytes")
    return tuple(tensors)


def _binary_size(name: str, entry: dict[str, Any]) -> int | None:
    parameters = entry.get("parameters")
    size = parameters.get("binary_data_size") if type(parameters) is dict else None
    if size is not None and (type(size) is not int or size < 0):
        raise Undecodable(reason("tensor-size-mismatch", name))
    return size


CODEC: Codec = Codec("v2", matches, read, read_reply)
