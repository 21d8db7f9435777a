"""Events on the owner of a pod that was to be injected and was not: where its owner looks.

One for each owner and reason in ten minutes, and never so that a review waits. Counterpart:
`sidecar.inject.server`, which tells of refusals.
"""

from __future__ import annotations

import asyncio
import datetime
import logging
import time
from typing import NamedTuple

from sidecar.inject.cluster import Cluster, ClusterError
from sidecar.inject.reasons import Json

log = logging.getLogger(__name__)

WAITING = 256
"""Events that may wait; more are dropped, and stand in the metrics all the same."""

AGAIN = 600.0
MOST = 4096


class Refusal(NamedTuple):
    """What is to be told, and of whom."""

    namespace: str
    owner: Json
    reason: str
    message: str


def owner(pod: Json, namespace: str) -> Json:
    """Whom an event about a pod is put on: who made it, else its namespace, which is always there."""
    references = (pod.get("metadata") or {}).get("ownerReferences") or []
    for one in references if isinstance(references, list) else []:
        if isinstance(one, dict) and {"apiVersion", "kind", "name", "uid"} <= one.keys():
            return {
                "namespace": namespace,
                **{key: one[key] for key in ("apiVersion", "kind", "name", "uid")},
            }
    return {"apiVersion": "v1", "kind": "Namespace", "name": namespace, "namespace": namespace}


def event(refusal: Refusal, now: datetime.datetime) -> Json:
    """The Event of the API."""
    moment = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": "model-sidecar-", "namespace": refusal.namespace},
        "involvedObject": refusal.owner,
        "type": "Warning",
        "reason": "SidecarNotInjected",
        "message": f"{refusal.reason}: {refusal.message}"[:1024],
        "source": {"component": "model-sidecar-webhook"},
        "firstTimestamp": moment,
        "lastTimestamp": moment,
        "count": 1,
    }


class Events:
    """Posts events one after the other."""

    def __init__(self, cluster: Cluster | None) -> None:
        self._cluster = cluster
        self._queue: asyncio.Queue[Refusal] = asyncio.Queue(WAITING)
        self._told: dict[tuple[str, str, str], float] = {}

    def tell(self, refusal: Refusal) -> None:
        """Put an event on the owner, unless that was done lately."""
        key = (refusal.namespace, str(refusal.owner.get("uid") or refusal.owner["name"]), refusal.reason)
        now = time.monotonic()
        if self._cluster is None or now < self._told.get(key, 0.0):
            return
        if len(self._told) >= MOST:
            self._told.clear()
        try:
            self._queue.put_nowait(refusal)
            self._told[key] = now + AGAIN
        except asyncio.QueueFull:
            log.warning("an event is dropped, because %d wait", WAITING)

    async def run(self) -> None:
        """Post what is told, for ever."""
        while self._cluster is not None:
            refusal = await self._queue.get()
            path = f"/api/v1/namespaces/{refusal.namespace}/events"
            try:
                await self._cluster.post(path, event(refusal, datetime.datetime.now(datetime.UTC)))
            except ClusterError as error:
                log.warning("no event: %s", error)
