"""The Kubernetes API as far as the webhook needs it: a few requests over HTTPS, with the pod's own token.

The token is read again for each request, because the kubelet renews it. Every failure is a `ClusterError`.
Counterparts: `sidecar.inject.keeping` (Secret, bundle), `sidecar.inject.namespaces`, `sidecar.inject.events`.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from sidecar.errors import SidecarError, UsageError
from sidecar.inject.reasons import Json

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
PATIENCE = aiohttp.ClientTimeout(total=5)


class ClusterError(SidecarError):
    """The API did not do what was asked. `status` is its answer's, 0 where there was none."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Cluster:
    """One API server, as one service account. Use it as a context."""

    def __init__(self, url: str, account: Path = SERVICE_ACCOUNT) -> None:
        """Raises UsageError when the account's files are not there."""
        self._url = url.rstrip("/")
        self._account = account
        try:
            context = ssl.create_default_context(cafile=str(account / "ca.crt"))
            self.namespace = (account / "namespace").read_text(encoding="ascii").strip()
        except (OSError, ssl.SSLError) as error:
            raise UsageError(f"{account}: no service account: {error}") from error
        self._connector = aiohttp.TCPConnector(ssl=context)
        self._session = aiohttp.ClientSession(connector=self._connector, timeout=PATIENCE)

    async def __aenter__(self) -> Cluster:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def get(self, path: str) -> Json:
        """An object. Raises ClusterError."""
        return await self._ask("GET", path)

    async def post(self, path: str, thing: Json) -> Json:
        """Make an object. Raises ClusterError; its status is 409 when there is one."""
        return await self._ask("POST", path, thing)

    async def put(self, path: str, thing: Json) -> Json:
        """Replace an object. Raises ClusterError; its status is 409 when somebody was faster."""
        return await self._ask("PUT", path, thing)

    async def patch(self, path: str, operations: list[Json]) -> Json:
        """Change an object by a JSON patch. Raises ClusterError."""
        return await self._ask("PATCH", path, operations, "application/json-patch+json")

    async def _ask(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Json:
        try:
            token = (self._account / "token").read_text(encoding="ascii").strip()
            headers = {"Authorization": f"Bearer {token}", "Content-Type": kind, "Accept": "application/json"}
            data = None if body is None else msgspec.json.encode(body)
            async with self._session.request(method, self._url + path, data=data, headers=headers) as answer:
                content = await answer.read()
        except (OSError, aiohttp.ClientError, TimeoutError) as error:
            raise ClusterError(f"{method} {path}: no answer: {error or 'time-out'}") from error
        try:
            found = msgspec.json.decode(content, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise ClusterError(f"{method} {path}: {answer.status}, and no JSON", answer.status) from error
        if answer.status >= 400:
            said = found.get("message") or answer.reason
            raise ClusterError(f"{method} {path}: {answer.status}: {said}", answer.status)
        return found


def from_environment(url: str = "", account: Path = SERVICE_ACCOUNT) -> Cluster | None:
    """The cluster this process runs in, or None outside of one. `url` wins over the environment."""
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not url and not host:
        return None
    if not url:
        url = f"https://[{host}]:{port}" if ":" in str(host) else f"https://{host}:{port}"
    return Cluster(url, account)
