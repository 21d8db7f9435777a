"""Events reach the owner, once in a while."""

import asyncio
import datetime

from sidecar.inject.cluster import Cluster
from sidecar.inject.events import WAITING, Events, Refusal, event, owner
from sidecar.tasks import Tasks
from tests.inject.api_server import ApiServer
from tests.inject.reviews import POD

NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)


def refusal(reason="windows", namespace="models"):
    return Refusal(namespace, owner(POD, namespace), reason, "It is so.")


def test_on_whom():
    assert owner(POD, "models")["kind"] == "ReplicaSet"
    for odd in (
        {},
        {"metadata": {"ownerReferences": [{"kind": "x"}, 7]}},
        {"metadata": {"ownerReferences": "x"}},
    ):
        assert owner(odd, "models") == {
            "apiVersion": "v1", "kind": "Namespace", "name": "models", "namespace": "models",
        }  # fmt: skip


def test_what_it_says():
    made = event(refusal(), NOW)
    assert made["involvedObject"]["uid"] == "u-1"
    assert (made["reason"], made["message"]) == ("SidecarNotInjected", "windows: It is so.")
    assert made["firstTimestamp"] == "2026-01-02T03:04:05Z"


async def test_posted_once(tmp_path):
    async with ApiServer(tmp_path).running() as api, Cluster(api.url, api.account) as cluster:
        events, tasks = Events(cluster), Tasks()
        tasks.start("events", events.run())
        for one in (refusal(), refusal(), refusal("mesh"), refusal()):
            events.tell(one)
        async with asyncio.timeout(10):
            while len(api.events) < 2:
                await asyncio.sleep(0.01)
        await tasks.close()
        assert [one["message"] for one in api.events] == ["windows: It is so.", "mesh: It is so."]


async def test_a_flood_is_bounded_and_a_failing_api_ends_nothing(tmp_path):
    async with ApiServer(tmp_path).running() as api, Cluster(api.url, api.account) as cluster:
        events, tasks = Events(cluster), Tasks()
        for number in range(WAITING + 10):
            events.tell(refusal(str(number)))
        api.failing = True
        task = tasks.start("events", events.run())
        async with asyncio.timeout(20):
            while len(api.asked) < WAITING:
                await asyncio.sleep(0.01)
        assert not task.done()
        await tasks.close()
        assert api.events == []


async def test_without_a_cluster_there_are_none():
    events = Events(None)
    events.tell(refusal())
    await events.run()
