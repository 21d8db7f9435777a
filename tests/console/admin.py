"""The admin application over an observer that has heard real calls, and a client to ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp.test_utils import TestClient, TestServer

from sidecar.console.api import application
from sidecar.console.metric_values import Source
from sidecar.observer.observer import Observer
from sidecar.scoring.baseline import Baseline
from tests.observer.real import draw
from tests.observer.talk import batch, of_rows, record
from tests.observer.test_observer import busy, play


class NoSpans:
    """Of a sidecar that exports none."""

    exported = failed = dropped = 0


def drifted(baseline: Baseline) -> Observer:
    """An observer that has heard normal calls, an outlier, a failure, and then a drift of x7."""
    observer = busy(baseline)
    outlier = of_rows(1000, draw(3, seed=8), baseline.digest, verdict="outlier", flagged=(1,), p=0.002)
    observer.take_in([outlier, record(1001, status=502, failure="upstream-refused", verdict="unscored")])
    rows = draw(400, seed=6)
    rows[:, 12] += 1.0
    play(observer, baseline, rows)
    observer.hear(batch(baseline=baseline.directory))
    return observer


@asynccontextmanager
async def asked(observer: Observer) -> AsyncIterator[TestClient]:
    """A client of the admin application over this observer."""
    async with TestClient(TestServer(application(Source(observer, NoSpans())))) as client:
        yield client
