"""The webhook's addresses without its process: what fails inside lets a pod in, what is no review is told."""

import io
import json

import pytest
from aiohttp.test_utils import TestClient, TestServer

from sidecar.inject import review as reviews_module
from sidecar.inject.events import Events
from sidecar.inject.measures import Measures
from sidecar.inject.namespaces import Namespaces
from sidecar.inject.server import LARGEST, Webhook
from sidecar.inject.settings import Around
from tests.inject.reviews import patch_of, pod, review


@pytest.fixture
async def webhook():
    return Webhook(Around(), Namespaces(None), Events(None), Measures())


@pytest.fixture
async def client(webhook):
    async with TestClient(TestServer(webhook.reviews())) as client:
        yield client


@pytest.fixture
async def admin(webhook):
    async with TestClient(TestServer(webhook.admin())) as client:
        yield client


@pytest.mark.parametrize(("path", "operations"), [("/pods", True), ("/pods/asked", False)])
async def test_who_has_to_ask(client, path, operations):
    async with client.post(path, json=review()) as answer:
        assert answer.status == 200
        assert bool(patch_of(await answer.json())) is operations


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/pods", b"x" * (LARGEST + 1), 413, "at most 8388608 bytes"),
        ("/pods", b"{}", 400, "no AdmissionReview"),
        ("/other", b"{}", 404, "POST /other"),
    ],
)
async def test_what_is_no_review(client, admin, path, body, status, said):
    async with client.post(path, data=io.BytesIO(body)) as answer:
        assert answer.status == status
        assert said in (await answer.json())["error"]
    async with admin.get("/metrics") as answer:
        assert f'sidecar_webhook_malformed_total{{status="{status}"}} 1.0' in await answer.text()


async def test_a_get_is_no_review(client):
    async with client.get("/pods") as answer:
        assert answer.status == 405


async def test_our_own_failure_lets_the_pod_in(client, admin, monkeypatch):
    def broken(*_):
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(reviews_module, "decide", broken)
    async with client.post("/pods", json=review()) as answer:
        response = (await answer.json())["response"]
        assert (answer.status, response["allowed"], "patch" in response) == (200, True, False)
    async with admin.get("/metrics") as answer:
        assert "sidecar_webhook_failures_total 1.0" in await answer.text()


async def test_pods_that_no_api_server_would_send(client):
    for odd in (
        pod(containers=[{"name": "m", "ports": [{"containerPort": {}}]}]),
        pod(securityContext=7),
        pod(os=[]),
    ):
        async with client.post("/pods", data=json.dumps(review(odd))) as answer:
            assert (await answer.json())["response"]["allowed"]


async def test_ready_only_when_it_is(webhook, admin):
    async with admin.get("/healthz") as answer:
        assert answer.status == 200
    for ready, status in ((False, 503), (True, 200)):
        webhook.ready = ready
        async with admin.get("/readyz") as answer:
            assert answer.status == status
