"""MLflow's scoring server (also what SageMaker calls): POST /invocations, JSON in one of four shapes, or CSV.

    {"dataframe_split": {"columns": [...], "data": [[...], ...]}}
    {"dataframe_records": [{...}, ...]}
    {"instances": [...]}   {"inputs": [...] or {...}}
    -> {"predictions": [...]}, or the bare list from version 1

https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally
"""

from __future__ import annotations

from typing import Any

from sidecar.codecs import csv_table, table
from sidecar.codecs.codec import Codec, may_be_json, media_type
from sidecar.codecs.json_text import parse
from sidecar.errors import Undecodable
from sidecar.exchange import Payload, Reply, Request, Tensor


def matches(request: Request) -> bool:
    if request.method != "POST" or not request.path.endswith("/invocations"):
        return False
    return may_be_json(media_type(request.headers)) or csv_table.matches(request.headers)


def read(request: Request) -> Payload:
    if csv_table.matches(request.headers):
        return Payload("mlflow", csv_table.read(request.headers, request.body))
    document = parse(request.body)
    if type(document) is not dict:
        raise Undecodable("not-an-object")
    for key, shape in _SHAPES.items():
        if key in document:
            return Payload("mlflow", shape(key, document[key]))
    raise Undecodable("no-dataframe")


def read_reply(request: Request, reply: Reply, rows: int) -> Payload:
    document = parse(reply.body)
    if type(document) is dict:
        if "predictions" not in document:
            raise Undecodable("no-predictions")
        document = document["predictions"]
    return Payload("mlflow", table.columnar("predictions", document))


def _split(name: str, value: Any) -> tuple[Tensor, ...]:
    if type(value) is not dict or type(value.get("data")) is not list:
        raise Undecodable(f"malformed:{name}")
    columns = value.get("columns")
    if columns is None:
        return table.grid(name, value["data"])
    if type(columns) is not list or any(type(column) in (list, dict) for column in columns):
        raise Undecodable("malformed:columns")
    names = tuple(str(column) for column in columns)
    if len(set(names)) < len(names):
        raise Undecodable("duplicate-name")
    return table.grid(name, value["data"], names)


def _records(name: str, value: Any) -> tuple[Tensor, ...]:
    if type(value) is not list or not value:
        raise Undecodable("no-rows" if value == [] else f"malformed:{name}")
    return table.records(name, value)


_SHAPES = {
    "dataframe_split": _split,
    "dataframe_records": _records,
    "instances": table.columnar,
    "inputs": table.columnar,
}

CODEC: Codec = Codec("mlflow", matches, read, read_reply, only_rows=True)
