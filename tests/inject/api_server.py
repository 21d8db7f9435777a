"""An API server as small as the webhook needs it: Secrets, webhook configurations, namespaces, Events.

Over TLS, with a bearer token, resourceVersions that make a late writer fail, and JSON patches applied by
another implementation. There is no real API server to be had in the tests.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jsonpatch
from aiohttp import web

from tests.proxy.certificates import Authority

TOKEN = "the-token"
CONFIGURATION = "model-sidecar-webhook"


class ApiServer:
    """Its objects, for tests to look at and to change."""

    def __init__(self, directory: Path, minor: str = "31+") -> None:
        self.minor = minor
        self.secrets: dict[str, dict[str, Any]] = {}
        self.namespaces: dict[str, dict[str, Any]] = {"models": {"metadata": {"name": "models"}}}
        self.events: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.failing = False
        self.configuration: dict[str, Any] = {
            "metadata": {"name": CONFIGURATION},
            "webhooks": [{"name": f"{n}.sidecar.observe", "clientConfig": {}} for n in ("pods", "services")],
        }
        self.account = directory / "account"
        self.account.mkdir()
        authority = Authority(directory, "api")
        pair = authority.issue("server", "127.0.0.1")
        (self.account / "ca.crt").write_bytes(Path(authority.path).read_bytes())
        (self.account / "token").write_text(TOKEN)
        (self.account / "namespace").write_text("sidecar-system")
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(pair.certificate, pair.key)
        self.url = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[ApiServer]:
        app = web.Application(middlewares=[self._guarded])
        add = app.router
        add.add_get("/version", self._version)
        add.add_get("/api/v1/namespaces/{namespace}", self._namespace)
        add.add_get("/api/v1/namespaces/{namespace}/secrets/{name}", self._get_secret)
        add.add_post("/api/v1/namespaces/{namespace}/secrets", self._post_secret)
        add.add_put("/api/v1/namespaces/{namespace}/secrets/{name}", self._put_secret)
        add.add_post("/api/v1/namespaces/{namespace}/events", self._post_event)
        path = f"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/{CONFIGURATION}"
        add.add_get(path, self._get_configuration)
        add.add_patch(path, self._patch_configuration)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self._context)
        await site.start()
        self.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path}")
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _no(401, "who are you?")
        if self.failing:
            return _no(500, "etcd is away")
        return await handler(request)

    async def _version(self, request: web.Request) -> web.Response:
        return web.json_response({"major": "1", "minor": self.minor})

    async def _namespace(self, request: web.Request) -> web.Response:
        found = self.namespaces.get(request.match_info["namespace"])
        return web.json_response(found) if found else _no(404, "no such namespace")

    async def _get_secret(self, request: web.Request) -> web.Response:
        found = self.secrets.get(request.match_info["name"])
        return web.json_response(found) if found else _no(404, "no such secret")

    async def _post_secret(self, request: web.Request) -> web.Response:
        given = await request.json()
        name = given["metadata"]["name"]
        if name in self.secrets:
            return _no(409, "already there")
        given["metadata"]["resourceVersion"] = "1"
        self.secrets[name] = given
        return web.json_response(given, status=201)

    async def _put_secret(self, request: web.Request) -> web.Response:
        given = await request.json()
        there = self.secrets[request.match_info["name"]]["metadata"]["resourceVersion"]
        if given["metadata"].get("resourceVersion") != there:
            return _no(409, "somebody was faster")
        given["metadata"]["resourceVersion"] = str(int(there) + 1)
        self.secrets[request.match_info["name"]] = given
        return web.json_response(given)

    async def _post_event(self, request: web.Request) -> web.Response:
        self.events.append(await request.json())
        return web.json_response(self.events[-1], status=201)

    async def _get_configuration(self, request: web.Request) -> web.Response:
        return web.json_response(self.configuration)

    async def _patch_configuration(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/json-patch+json"
        self.configuration = jsonpatch.apply_patch(self.configuration, await request.json())
        return web.json_response(self.configuration)


def _no(status: int, message: str) -> web.Response:
    return web.json_response({"kind": "Status", "message": message}, status=status)
