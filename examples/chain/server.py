"""One model of a chain behind the Open Inference Protocol. It passes no header on, as most servers don't.

    python -m examples.chain.server --family words --model speech --listen 127.0.0.1:8080 --next http://...

With `--next` it asks the model there within each call, and answers what that one answered. Counterparts:
`examples.chain.words` and `examples.chain.pictures` have the models.
"""

from __future__ import annotations

import argparse
from types import ModuleType
from typing import Any

import msgspec
from aiohttp import ClientSession, web

from examples.chain import pictures, words

FAMILIES: dict[str, ModuleType] = {"words": words, "pictures": pictures}


def rows_of(body: bytes) -> list[list[Any]]:
    """The rows of the one tensor in an inference request."""
    (tensor,) = msgspec.json.decode(body)["inputs"]
    width = tensor["shape"][1]
    data = tensor["data"]
    return [data[start : start + width] for start in range(0, len(data), width)]


def tensor(name: str, rows: list[list[Any]]) -> dict[str, Any]:
    """Rows as a tensor of the protocol."""
    kind = "BYTES" if isinstance(rows[0][0], str) else "FP64"
    data = [value for row in rows for value in row]
    return {"name": name, "datatype": kind, "shape": [len(rows), len(rows[0])], "data": data}


def application(family: str, name: str, version: int, following: str) -> web.Application:
    """The routes of one model."""
    answer = FAMILIES[family].model(name, version)
    session = web.AppKey("session", ClientSession)

    async def infer(request: web.Request) -> web.Response:
        outputs = [tensor(key, rows) for key, rows in answer(rows_of(await request.read())).items()]
        if not following:
            body = {"model_name": name, "model_version": str(version), "outputs": outputs}
            return web.Response(body=msgspec.json.encode(body), content_type="application/json")
        question = msgspec.json.encode({"inputs": outputs[:1]})
        async with request.app[session].post(
            following, data=question, headers={"Content-Type": "application/json"}
        ) as reply:
            body = msgspec.json.decode(await reply.read())
            body |= {"model_name": name, "model_version": str(version)}
            return web.Response(
                body=msgspec.json.encode(body), status=reply.status, content_type="application/json"
            )

    async def ready(request: web.Request) -> web.Response:
        return web.Response()

    async def open_session(app: web.Application):
        async with ClientSession() as opened:
            app[session] = opened
            yield

    app = web.Application()
    app.cleanup_ctx.append(open_session)
    app.router.add_get("/v2/health/ready", ready)
    app.router.add_post(f"/v2/models/{name}/infer", infer)
    return app


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m examples.chain.server", description=__doc__)
    parser.add_argument("--family", choices=FAMILIES, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--release", type=int, default=1, help="version of the model")
    parser.add_argument("--listen", default="127.0.0.1:8080", metavar="HOST:PORT")
    parser.add_argument("--next", default="", metavar="URL", help="where the next model is asked")
    options = parser.parse_args()
    host, _, port = options.listen.rpartition(":")
    app = application(options.family, options.model, options.release, options.next)
    web.run_app(app, host=host, port=int(port), access_log=None, print=None)


if __name__ == "__main__":
    main()
