"""A model server: scikit-learn behind the Open Inference Protocol (V2), JSON tensors.

    python -m examples.server --listen 127.0.0.1:8080

The model is trained when the server starts, in about a second, so nothing has to be unpickled. It tells from
eight readings how likely it is that the radiator system has left its ordinary state. Counterparts:
`examples/flight.py` has its data, `examples/demo` puts a sidecar before it.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import numpy as np
from aiohttp import web
from sklearn.ensemble import GradientBoostingClassifier

from examples.flight import FEATURES, Flight, Rows, flight

MODEL, VERSION = "flight", "1"
INPUT = {"name": "readings", "datatype": "FP64", "shape": [-1, len(FEATURES)]}
OUTPUT = {"name": "p_fault", "datatype": "FP64", "shape": [-1, 1]}
METADATA = {
    "name": MODEL,
    "versions": [VERSION],
    "platform": "sklearn",
    "inputs": [INPUT],
    "outputs": [OUTPUT],
}


class InputTensor(msgspec.Struct):
    """One input of an inference request; `data` is flat or nested, row-major."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any]


class InferRequest(msgspec.Struct):
    """The body of `/infer`, as far as this server reads it."""

    inputs: list[InputTensor]
    id: str = ""


def train(data: Flight) -> GradientBoostingClassifier:
    """The model: gradient boosting, fitted on what was known when it was shipped."""
    return GradientBoostingClassifier(random_state=0).fit(data.train, data.train_labels)


def matrix(body: bytes) -> tuple[str, Rows]:
    """The request's id and rows. Raises web.HTTPBadRequest with V2's error object."""
    try:
        request = msgspec.json.decode(body, type=InferRequest)
        (tensor,) = request.inputs
        rows = np.array(tensor.data, dtype=np.float64).reshape(tensor.shape)
        if rows.ndim != 2 or rows.shape[1] != len(FEATURES):
            raise ValueError(f"shape must be [rows, {len(FEATURES)}], got {tensor.shape}")
        if not np.isfinite(rows).all():
            raise ValueError("every reading must be a finite number")
    except (ValueError, TypeError, msgspec.MsgspecError) as error:
        raise web.HTTPBadRequest(text=_error(str(error)), content_type="application/json") from error
    return request.id, rows


class Inference:
    """Answers inference requests. `takes` is the least time of an answer in seconds: 0, or the time of
    a model that computes on a device and leaves this processor idle."""

    def __init__(self, model: GradientBoostingClassifier, takes: float) -> None:
        self._model = model
        self._takes = takes

    async def answer(self, request: web.Request) -> web.Response:
        began = time.perf_counter()
        _known(request)
        id_, rows = matrix(await request.read())
        p_fault = self._model.predict_proba(rows)[:, 1]
        if self._takes:
            await asyncio.sleep(self._takes - (time.perf_counter() - began))
        output = OUTPUT | {"shape": [len(rows), 1], "data": p_fault.tolist()}
        return _json({"model_name": MODEL, "model_version": VERSION, "id": id_, "outputs": [output]})


def application(model: GradientBoostingClassifier, takes: float = 0.0) -> web.Application:
    """The server's routes, each with and without a version where the protocol has both."""
    app = web.Application(client_max_size=64 * 1024 * 1024)
    infer = Inference(model, takes).answer
    app.router.add_get("/v2", _answer({"name": "examples.server", "version": VERSION, "extensions": []}))
    app.router.add_get("/v2/health/live", _answer({"live": True}))
    app.router.add_get("/v2/health/ready", _answer({"ready": True}))
    for base in ("/v2/models/{model}", "/v2/models/{model}/versions/{version}"):
        app.router.add_get(base, _answer(METADATA))
        app.router.add_get(f"{base}/ready", _answer({"name": MODEL, "ready": True}))
        app.router.add_post(f"{base}/infer", infer)
    return app


def _answer(value: object) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        _known(request)
        return _json(value)

    return answer


def _known(request: web.Request) -> None:
    asked = (request.match_info.get("model", MODEL), request.match_info.get("version", VERSION))
    if asked != (MODEL, VERSION):
        text = _error(f"no model {asked[0]} of version {asked[1]} here")
        raise web.HTTPNotFound(text=text, content_type="application/json")


def _json(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


def _error(message: str) -> str:
    return msgspec.json.encode({"error": message}).decode()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m examples.server", description=__doc__.partition("\n")[0])
    parser.add_argument("--listen", default="127.0.0.1:8080", metavar="HOST:PORT")
    parser.add_argument("--takes-ms", type=float, default=0.0, help="least time of an answer, milliseconds")
    options = parser.parse_args()
    host, _, port = options.listen.rpartition(":")
    app = application(train(flight()), options.takes_ms / 1e3)
    web.run_app(app, host=host, port=int(port), access_log=None, print=None)


if __name__ == "__main__":
    main()
