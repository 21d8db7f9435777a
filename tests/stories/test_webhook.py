"""The real `sidecar webhook`, called as an API server calls it: over TLS, by the name in its certificate.

What it is asked is right, wrong, hostile or much; meanwhile its certificates change. The API server beside it
is the small one of tests/inject.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import jsonpatch
import pytest

from examples.processes import Process, answers, free_port, python
from tests.inject.api_server import ApiServer
from tests.inject.reviews import POD, patch_of, pod, review

HOST = "model-sidecar-webhook.sidecar-system.svc"


class Webhook(NamedTuple):
    """A running one, its API server, and where it listens."""

    process: Process
    api: ApiServer
    port: int
    admin: str

    def context(self) -> ssl.SSLContext:
        """Trusts what the webhook configuration says now, and nothing else."""
        text = self.api.configuration["webhooks"][0]["clientConfig"]["caBundle"]
        return ssl.create_default_context(cadata=base64.b64decode(text).decode())

    async def post(self, body: bytes, path: str = "/pods") -> tuple[int, Any]:
        """One review over a connection of its own: status and JSON."""
        connector = aiohttp.TCPConnector(ssl=self.context(), force_close=True)
        async with aiohttp.ClientSession(connector=connector) as session:
            url = f"https://127.0.0.1:{self.port}{path}"
            async with session.post(url, data=io.BytesIO(body), server_hostname=HOST) as answer:
                return answer.status, await answer.json()

    async def measure(self, name: str) -> float:
        """The value of a metric, with its labels."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.admin}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} ")), 0.0)


@asynccontextmanager
async def webhook(directory: Path, *flags: str, minor: str = "31") -> AsyncIterator[Webhook]:
    """A webhook that is ready, with the certificates it made itself."""
    async with ApiServer(directory, minor).running() as api:
        port, admin = free_port(), free_port()
        command = python(
            "sidecar.cli", "webhook", "--listen", f"127.0.0.1:{port}", "--admin", f"127.0.0.1:{admin}",
            "--api-server", api.url, "--account", str(api.account), *flags,
        )  # fmt: skip
        process = Process("webhook", command, directory)
        try:
            ready = f"http://127.0.0.1:{admin}/readyz"
            await asyncio.to_thread(process.wait_until, lambda: answers(ready))
            yield Webhook(process, api, port, f"http://127.0.0.1:{admin}")
        finally:
            await asyncio.to_thread(process.stop)


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Webhook]:
    async with webhook(tmp_path) as found:
        yield found


def body(*args: Any, **request: Any) -> bytes:
    return json.dumps(review(*args, **request)).encode()


async def test_right_wrong_and_hostile_reviews(running, tmp_path):
    status, answered = await running.post(body())
    assert (status, answered["response"]["allowed"]) == (200, True)
    patched = jsonpatch.apply_patch(POD, patch_of(answered))
    assert [one["name"] for one in patched["spec"]["initContainers"]] == [
        "model-sidecar",
        "model-sidecar-redirect",
    ]

    _, again = await running.post(body(patched))
    assert patch_of(again) == []
    _, asked = await running.post(body(), "/pods/asked")
    assert patch_of(asked) == []

    _, refused = await running.post(body(pod(hostNetwork=True)))
    assert refused["response"]["allowed"]
    assert refused["response"]["warnings"][0].startswith("no sidecar (host-network)")

    system = await running.post(body(namespace="kube-system"))
    own = await running.post(body(namespace="sidecar-system"))
    for _, answered in (system, own):
        assert (answered["response"]["allowed"], patch_of(answered)) == (True, [])

    hostile = {
        b"": 400,
        b"not json": 400,
        b"[" * 500_000: 400,
        b"x" * (9 * 1024 * 1024): 413,
        body().replace(b"k8s.io/v1", b"k8s.io/v1beta1"): 400,
        body(uid={"a": 1}): 400,
        body(uid="x" * 1000): 400,
        b'{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":' + b"9" * 5000 + b"}": 400,
    }
    for given, expected in hostile.items():
        status, answered = await running.post(given)
        assert (status, "error" in answered) == (expected, True), given[:60]
    assert (await running.post(b"{}", "/nothing"))[0] == 404
    for odd in (
        None,
        [],
        {"spec": {"containers": [{"name": "m", "ports": [7], "env": 7}]}},
        pod(volumes="x"),
    ):
        status, answered = await running.post(body(odd))
        assert (status, answered["response"]["allowed"], patch_of(answered)) == (200, True, [])
    kind = {"group": "apps", "version": "v1", "kind": "Deployment"}
    assert (await running.post(body(kind=kind)))[1]["response"]["allowed"]

    assert running.process.running
    async with asyncio.timeout(20):
        while not running.api.events:
            await asyncio.sleep(0.02)
    assert running.api.events[0]["involvedObject"]["name"] == "fraud-7f9c5d6b8c"
    label = 'sidecar_webhook_reviews_total{outcome="refused",reason="host-network"}'
    assert await running.measure(label) == 1
    assert await running.measure("sidecar_webhook_failures_total") == 0


async def test_connections_that_bring_nothing(running):
    """Plain HTTP, half a handshake, half a request: none stops the next review."""
    for sent in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01", b""):
        with socket.create_connection(("127.0.0.1", running.port), timeout=5) as plain:
            plain.sendall(sent)
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", running.port, ssl=running.context(), server_hostname=HOST
    )
    writer.write(b"POST /pods HTTP/1.1\r\nHost: w\r\nContent-Length: 1000\r\n\r\n{")
    await writer.drain()
    assert (await running.post(body()))[0] == 200
    assert (await asyncio.wait_for(reader.readline(), 30)).split()[1] == b"408"
    writer.close()


async def test_what_the_namespace_says(tmp_path):
    async with webhook(tmp_path) as running:
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        running.api.namespaces["strict"] = {"metadata": {"labels": labels}}
        _, answered = await running.post(body(namespace="strict"))
        assert answered["response"]["warnings"][0].startswith("no sidecar (pod-security)")
        _, answered = await running.post(body(namespace="unknown-one"))
        assert answered["response"]["warnings"][0].startswith("no sidecar (pod-security)")


async def test_an_old_cluster_gets_an_ordinary_sidecar(tmp_path):
    async with webhook(tmp_path, minor="28") as running:
        patched = jsonpatch.apply_patch(POD, patch_of((await running.post(body()))[1]))
        assert [one["name"] for one in patched["spec"]["containers"]] == ["model", "model-sidecar"]


async def changes(running) -> float:
    """Counted once a certificate is served, which is a moment after the cluster has it."""
    return await running.measure("sidecar_webhook_certificate_changes_total")


async def test_certificates_change_under_load_and_no_review_fails(tmp_path):
    """Lifetimes of half a minute: changes come often, and nothing is ever near its end. Every review comes
    over a new connection, and trusts only what the configuration says at that moment."""
    flags = ["--authority-lasts", "36", "--certificate-lasts", "30", "--settle", "2", "--look-every", "0.25"]
    async with webhook(tmp_path, *flags) as running:
        serials, bundles, calls = set(), set(), 0
        async with asyncio.timeout(60):
            while len(bundles) < 3 or len(serials) < 3 or await changes(running) < 3:
                for answered in await asyncio.gather(*(running.post(body()) for _ in range(4))):
                    assert answered[0] == 200
                    assert patch_of(answered[1])
                    calls += 1
                data = running.api.secrets["model-sidecar-webhook-tls"]["data"]
                serials.add(data["tls.crt"])
                bundles.add(running.api.configuration["webhooks"][0]["clientConfig"]["caBundle"])
        assert calls > 20
        assert await running.measure("sidecar_webhook_upkeep_failures_total") == 0


async def test_it_serves_on_without_the_cluster_and_ends_when_told(tmp_path):
    async with webhook(tmp_path, "--look-every", "0.1", "--authority-lasts", "9000") as running:
        context = running.context()
        running.api.failing = True
        async with asyncio.timeout(20):
            while await running.measure("sidecar_webhook_upkeep_failures_total") < 2:
                await asyncio.sleep(0.05)
        connector = aiohttp.TCPConnector(ssl=context)
        async with aiohttp.ClientSession(connector=connector) as session:
            url = f"https://127.0.0.1:{running.port}/pods"
            async with session.post(url, data=body(namespace="new"), server_hostname=HOST) as answer:
                assert answer.status == 200
        await asyncio.to_thread(running.process.stop)
        assert running.process.wait(10) == 0
