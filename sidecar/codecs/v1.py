"""V1 predict: KServe's first protocol and TensorFlow Serving's REST API.

    POST /v1/models/{model}[/versions/{version}|/labels/{label}]:predict
    {"instances": [...]} -> {"predictions": [...]}      a row for each element
    {"inputs": {...}}    -> {"outputs": {...}}          TensorFlow Serving: a tensor for each key

https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol
https://www.tensorflow.org/tfx/serving/api_rest
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from sidecar.codecs import table
from sidecar.codecs.codec import Codec, OneRow, may_be_json, media_type
from sidecar.codecs.json_text import parse
from sidecar.errors import Undecodable
from sidecar.exchange import Payload, Reply, Request, Tensor
from sidecar.native import NATIVE, numbers

_PATH = re.compile(r"/v1/models/([^/:]+)(?:/(?:versions|labels)/([^/:]+))?:predict$")


def matches(request: Request) -> bool:
    return (
        request.method == "POST"
        and _PATH.search(request.path) is not None
        and may_be_json(media_type(request.headers))
    )


def read(request: Request) -> Payload:
    model, version = model_of(request)
    return Payload("v1", _tensors(parse(request.body), "instances", "inputs"), model, version)


def read_one(request: Request, width: int) -> OneRow | None:
    """What most calls are: `{"instances": [[...]]}`, a row of numbers and nothing else."""
    block = numbers(request.body, b"instances", width)
    if block is None:
        return None
    model, version = model_of(request)
    return OneRow(block, model or "", version or "")


def read_reply(request: Request, reply: Reply, rows: int) -> Payload:
    model, version = model_of(request)
    return Payload("v1", _tensors(parse(reply.body), "predictions", "outputs"), model, version)


def model_of(request: Request) -> tuple[str | None, str | None]:
    """Model and version as the path names them."""
    return _named(request.path)


@lru_cache(maxsize=256)
def _named(path: str) -> tuple[str | None, str | None]:
    found = _PATH.search(path)
    if found is None:
        return None, None
    model, version = found.groups()
    return unquote(model), unquote(version) if version else None


def _tensors(document: Any, by_row: str, by_column: str) -> tuple[Tensor, ...]:
    if type(document) is not dict:
        raise Undecodable("not-an-object")
    for key in (by_row, by_column):
        if key in document:
            return table.columnar(key, document[key])
    raise Undecodable(f"no-{by_row}")


CODEC: Codec = Codec("v1", matches, read, read_reply, read_one if NATIVE else None, only_rows=True)
