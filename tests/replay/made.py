"""Captured calls and the two answers to them, made up so that what differs is known."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from sidecar.replay.pairs import Pair

CALL: dict[str, Any] = {
    "id": "call-0",
    "weight": 1.0,
    "method": "POST",
    "target": "/v1/models/iris:predict",
    "status": 200,
    "failure": "",
    "request_headers": {"content-type": "application/json"},
    "response_headers": {"content-type": "application/json", "content-encoding": "gzip"},
    "request_body": b'{"instances": [[1.5, 2.5]]}',
    "response_body": b'{"predictions": [7.0]}',
    "request_truncated": False,
    "response_truncated": False,
    "redacted": [],
    "codec": "v1",
    "model": "iris",
    "version": "",
    "rows": 1,
    "features": {"a": [1.5], "b": [2.5]},
    "categories": None,
    "verdict": "normal",
}


def call(number: int = 0, **changes: Any) -> dict[str, Any]:
    return CALL | {"id": f"call-{number}"} | changes


def body(*answers: Any) -> bytes:
    return json.dumps({"predictions": list(answers)}).encode()


def pairs(a: Any, before: Any, now: Any, **changes: Any) -> list[Pair]:
    """A call for each row, whose feature a, answer before and answer now are given."""
    rows = zip(np.asarray(a).tolist(), np.asarray(before), np.asarray(now), strict=True)
    return [
        Pair(call(i, features={"a": [x]}, **changes), {"y": np.array([old])}, {"y": np.array([new])})
        for i, (x, old, new) in enumerate(rows)
    ]
