"""A real receiver over HTTP, and an observer that hears real digits move and come back."""

import asyncio
import time
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sidecar.exchange import Hit
from sidecar.observer import webhook as module
from sidecar.observer.alerts import Alerts
from sidecar.observer.observer import Observer
from sidecar.observer.policy_alerts import STANDS_SECONDS
from sidecar.observer.webhook import NEVER, Receiver, keep_alerting
from sidecar.tasks import Tasks
from tests.observer.real import draw
from tests.observer.talk import record
from tests.observer.test_alerts import DRIFT, FLOW, STABLE
from tests.observer.test_observer import Clock, play, settings


class Listener:
    """A receiver that remembers what it was sent, and answers as it's told to."""

    def __init__(self):
        self.heard = []
        self.headers = []
        self.status = 200
        self.tries = 0

    async def take(self, request):
        self.tries += 1
        if self.status == 200:
            self.heard.append(await request.json())
            self.headers.append(request.headers)
        return web.Response(status=self.status, text="no")


class Flow:
    """An observer with one verdict."""

    def __init__(self, repeat=1000.0):
        self.alerts = Alerts(repeat, 0.0)
        self.clock = time.time
        self.verdict = STABLE

    def standing(self):
        return [(FLOW, self.verdict)]


@asynccontextmanager
async def listening(path="/hook"):
    listener = Listener()
    app = web.Application()
    app.router.add_post(path, listener.take)
    async with TestServer(app) as server:
        yield listener, str(server.make_url(path))


@asynccontextmanager
async def alerting(observer, receiver):
    tasks = Tasks()
    tasks.start("alerts", keep_alerting(observer, receiver))
    try:
        yield
    finally:
        await tasks.close()


async def until(condition, seconds=30.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.02)


async def test_a_receiver_of_webhooks_gets_version_4_firing_and_resolved():
    flow = Flow()
    async with listening() as (listener, url), alerting(flow, Receiver(url, "shop", "http://127.0.0.1:9702")):
        flow.verdict = DRIFT
        await until(lambda: listener.heard)
        flow.verdict = STABLE
        await until(lambda: len(listener.heard) == 2)
    firing, resolved = listener.heard
    assert (firing["version"], firing["status"], firing["truncatedAlerts"]) == ("4", "firing", 0)
    assert set(firing) == {
        *("version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels"),
        *("commonLabels", "commonAnnotations", "externalURL", "alerts"),
    }
    (alert,) = firing["alerts"]
    assert alert["labels"] == {
        "alertname": "ModelFeatureDrift",
        "severity": "warning",
        "service": "shop",
        "verdict": "feature-drift",
        "model": "iris",
        "version": "3",
        "route": "/v1/models/{model}:predict",
    }
    assert alert["annotations"]["summary"] == "feature-drift of iris (version 3) in feature age"
    assert alert["annotations"]["since"] == "1970-01-01T00:01:30.000Z"
    assert (alert["status"], alert["endsAt"]) == ("firing", NEVER)
    assert alert["generatorURL"] == "http://127.0.0.1:9702/api/v1/verdict"
    assert len(alert["fingerprint"]) == 16
    (over,) = resolved["alerts"]
    assert (resolved["status"], over["status"]) == ("resolved", "resolved")
    assert over["fingerprint"] == alert["fingerprint"]
    assert over["startsAt"] == alert["startsAt"] <= over["endsAt"] != NEVER


async def test_an_alertmanager_gets_a_list_whose_end_is_only_known_when_it_is_over():
    flow = Flow(repeat=0.05)
    async with listening("/api/v2/alerts") as (listener, url), alerting(flow, Receiver(url, "shop")):
        flow.verdict = DRIFT
        await until(lambda: len(listener.heard) >= 2)
        flow.verdict = STABLE
        await until(lambda: "endsAt" in listener.heard[-1][0])
    for (alert,) in listener.heard:
        assert set(alert) - {"endsAt"} == {"labels", "annotations", "startsAt", "generatorURL"}
        assert alert["labels"] == listener.heard[0][0]["labels"]
    assert "endsAt" not in listener.heard[0][0]


async def test_a_receiver_that_refuses_is_tried_again_and_then_hears_how_things_stand(caplog):
    flow = Flow()
    async with listening() as (listener, url):
        listener.status = 503
        async with alerting(flow, Receiver(url, "shop")):
            flow.verdict = DRIFT
            await until(lambda: flow.alerts.failed >= 4)
            assert "answered 503: no" in flow.alerts.failure
            assert flow.alerts.sent == 0
            listener.status = 200
            await until(lambda: listener.heard)
    assert [one["status"] for one in listener.heard] == ["firing"]
    assert flow.alerts.failure == ""
    complaints = [one for one in caplog.records if "could not be delivered" in one.message]
    assert len(complaints) == 1, "once, not at every try"
    assert "/hook" not in complaints[0].message, "the path of a webhook may be its password"


async def test_pauses_between_tries_double_up_to_a_limit(monkeypatch):
    monkeypatch.setattr(module.random, "uniform", lambda low, high: 1.0)
    monkeypatch.setattr(module, "SLOWEST_SECONDS", 0.08)
    flow = Flow()
    flow.verdict = DRIFT
    async with listening() as (listener, url):
        listener.status = 500
        began = time.monotonic()
        async with alerting(flow, Receiver(url, "shop")):
            await until(lambda: flow.alerts.failed >= 5)
        assert time.monotonic() - began >= 0.02 + 0.04 + 0.08 + 0.08
    assert flow.alerts.failed <= listener.tries <= flow.alerts.failed + 1


async def test_nobody_there_a_redirect_and_a_missing_token_are_failures_not_ends(tmp_path):
    flow = Flow()
    flow.verdict = DRIFT
    async with listening() as (listener, url):
        token = tmp_path / "token"
        receiver = Receiver(url, "shop", token_file=str(token))
        async with alerting(flow, receiver):
            await until(lambda: "FileNotFoundError" in flow.alerts.failure)
            listener.status = 302
            token.write_text("s3cret\n")
            await until(lambda: "answered 302" in flow.alerts.failure)
            receiver.url = "http://127.0.0.1:1/hook"
            await until(lambda: "Cannot connect" in flow.alerts.failure)
            receiver.url, listener.status = url, 200
            await until(lambda: listener.heard)
    assert listener.headers[0]["Authorization"] == "Bearer s3cret"


async def test_digits_that_move_and_come_back_are_told_and_called_off(baseline):
    observer = Observer(
        settings(baseline=baseline.directory, window_rows=500, alert_url="http://x/hook"), Clock()
    )
    moved = draw(300, seed=2)
    moved[:, 12] += 1.0
    async with listening() as (listener, url), alerting(observer, Receiver(url, "digits")):
        play(observer, baseline, draw(1000, seed=1))
        play(observer, baseline, moved)
        await until(lambda: listener.heard)
        play(observer, baseline, draw(2000, seed=3))
        await until(lambda: len(listener.heard) == 2)
    assert [one["status"] for one in listener.heard] == ["firing", "resolved"]
    assert listener.heard[0]["alerts"][0]["annotations"]["subject"] == "x7"
    assert [change.verdict for change in observer.history.changes] == ["stable", "feature-drift", "stable"]
    (flow,) = observer.traffic.flows.values()
    assert [alarm.features[0].feature for alarm in flow.drift.history] == ["x7"]


async def test_a_rule_of_a_policy_that_alerts_is_told_once_and_called_off():
    observer = Observer(settings(), Clock())
    hit = Hit("p/walk", "alert", detail="Somebody walks.")

    async with listening("/api/v2/alerts") as (listener, url), listening() as (plain, hook):
        for where in (url, hook):
            receiver = Receiver(where, "shop", "http://127.0.0.1:9702")
            observer.alerts = Alerts(1000.0, 0.0)
            async with alerting(observer, receiver):
                calls = [record(i, hits=(hit,)) for i in range(50)]
                observer.take_in(calls)
                await until(lambda: listener.heard if where == url else plain.heard)  # noqa: B023
                observer.clock.now += STANDS_SECONDS + 1
                await until(lambda: len((listener if where == url else plain).heard) == 2)  # noqa: B023
    (firing,), (over,) = listener.heard
    assert firing["labels"] == {
        "alertname": "PolicyRule",
        "severity": "warning",
        "service": "shop",
        "rule": "p/walk",
    }
    assert firing["annotations"]["summary"] == "policy rule p/walk applies"
    assert firing["annotations"]["description"].startswith("Somebody walks. It applied to 50 calls, last to ")
    assert firing["generatorURL"] == "http://127.0.0.1:9702/api/v1/policies"
    assert "endsAt" not in firing
    assert over["labels"] == firing["labels"]
    assert over["endsAt"] > over["startsAt"]
    assert [message["status"] for message in plain.heard] == ["firing", "resolved"]
    assert plain.heard[0]["alerts"][0]["labels"]["rule"] == "p/walk"
