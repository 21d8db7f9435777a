"""Calls that wait for PyOD's worker: scored in batches off the loop, bounded, and never held up by it."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest

from sidecar.exchange import Features, Score
from sidecar.proxy import together
from tests.proxy.dialogue import OK, sidecar
from tests.proxy.test_judging import answer, baseline, clean, infer


class Elsewhere:
    """A baseline whose scores come from another thread's work, when `open` is set; `asked` counts calls."""

    few = 0

    def __init__(self) -> None:
        self.schema, self.digest = baseline().schema, baseline().digest
        self.asked: list[int] = []
        self.threads: set[str] = set()
        self.open = threading.Event()

    def score_many(self, batch: Sequence[Features], threshold: float) -> list[Score]:
        self.asked.append(len(batch))
        self.threads.add(threading.current_thread().name)
        assert self.open.wait(20)
        if any(np.abs(features.matrix).max() > 1e9 for features in batch):
            raise RuntimeError("one of them is at fault")
        return baseline().score_many(batch, threshold)

    def close(self) -> None:
        self.open.set()


async def test_while_one_batch_is_there_the_next_one_gathers():
    elsewhere = Elsewhere()
    async with sidecar(baseline=elsewhere, score_deadline=20.0) as stage:
        calls = [await stage.begin(infer(row[None])) for row in clean(6)]
        await stage.until(lambda: elsewhere.asked, "the first batch")
        elsewhere.open.set()
        for caller, model in calls:
            assert (await answer(caller, model))["verdict"] == "normal"
    assert sum(elsewhere.asked) == 6
    assert len(elsewhere.asked) < 6, "they went together"
    assert all(name.startswith("judge") for name in elsewhere.threads)


async def test_an_answer_goes_out_at_its_deadline_and_those_who_left_are_not_scored():
    elsewhere = Elsewhere()
    async with sidecar(baseline=elsewhere, score_deadline=0.1) as stage:
        first = await stage.begin(infer(clean()))
        await stage.until(lambda: elsewhere.asked, "the first batch")
        given_up = [first, await stage.begin(infer(clean())), await stage.begin(infer(clean()))]
        last = await stage.begin(infer(clean()))
        for call in given_up:
            assert (await answer(*call))["verdict"] == 'unscored; reason="deadline"'
        elsewhere.open.set()
        await stage.until(lambda: len(elsewhere.asked) == 2, "the next batch")
        assert (await answer(*last))["verdict"] == "normal"
        assert elsewhere.asked == [1, 1], "two had given up"


async def test_one_at_fault_costs_the_others_nothing():
    elsewhere = Elsewhere()
    async with sidecar(baseline=elsewhere, score_deadline=20.0, errors=1) as stage:
        first = await stage.begin(infer(clean()))
        await stage.until(lambda: elsewhere.asked, "the first batch")
        good = await stage.begin(infer(clean()))
        bad = await stage.begin(infer(np.full_like(clean(), 1e12)))
        elsewhere.open.set()
        assert (await answer(*first))["verdict"] == "normal"
        assert (await answer(*good))["verdict"] == "normal"
        assert (await answer(*bad))["verdict"] == 'unscored; reason="internal"'


@pytest.mark.parametrize(("bound", "most"), [("WAITING_CALLS", 1), ("WAITING_BYTES", 500)])
async def test_what_waits_is_bounded(monkeypatch, bound, most):
    monkeypatch.setattr(together, bound, most)
    elsewhere = Elsewhere()
    async with sidecar(baseline=elsewhere, score_deadline=20.0) as stage:
        first = await stage.begin(infer(clean()))
        await stage.until(lambda: elsewhere.asked, "the first batch")
        waiting = [await stage.begin(infer(clean())) for _ in range(4)]
        elsewhere.open.set()
        verdicts = [(await answer(*call))["verdict"] for call in (first, *waiting)]
    assert verdicts[0] == "normal"
    assert verdicts[-1] == 'unscored; reason="busy"'


async def test_what_the_model_is_to_see_is_waited_for_before_it_is_called():
    elsewhere = Elsewhere()
    elsewhere.open.set()
    async with sidecar(baseline=elsewhere, expose="model", score_deadline=20.0) as stage:
        got, _ = await stage.call(infer(clean()), OK)
        assert b"x-anomaly-verdict: normal" in got
