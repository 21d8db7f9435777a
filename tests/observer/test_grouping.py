"""The process that groups is the real one."""

import asyncio
import time

import numpy as np

from sidecar.observer.cohorts import Cohorts
from sidecar.observer.grouping import keep_grouping, search
from tests.observer.real import DATA, draw
from tests.observer.talk import of_rows


def heard(baseline):
    """A state that has heard of a hidden digit, some odd rows, and clean ones."""
    with np.load(DATA) as arrays:
        zeros = arrays["X"][arrays["y"] == 1][:50].astype(float)
    odd = np.concatenate((zeros, draw(20, seed=1)))
    state = Cohorts(86_400.0)
    state.adopt(baseline.directory, baseline.schema, baseline.digest)
    facts = {"flagged": (0,), "row_p": (0.005,)}
    state.update([of_rows(i, row[None], baseline.digest, **facts) for i, row in enumerate(odd)], 1.0)
    state.update([of_rows(i, row[None], baseline.digest) for i, row in enumerate(draw(200, seed=2))], 1.0)
    return state


async def test_a_search_is_made_when_due_and_its_files_are_gone(baseline, tmp_path):
    state = heard(baseline)
    state.demand()
    task = asyncio.ensure_future(keep_grouping(state, tmp_path, time.time))
    await asyncio.wait_for(state.settled.wait(), 60)
    task.cancel()
    assert state.failure == ""
    first = state.found.cohorts[0]
    numbers = [int(state.rows[serial].request.removeprefix("call-")) for serial in first.group.members]
    assert sum(number < 50 for number in numbers) > 45
    assert sum(number >= 50 for number in numbers) < 3
    assert list(tmp_path.iterdir()) == []


async def test_a_search_that_fails_says_why_and_is_tried_again_later(baseline, tmp_path):
    state = heard(baseline)
    state.adopt("/nowhere", baseline.schema, baseline.digest)
    state.demand()
    task = asyncio.ensure_future(keep_grouping(state, tmp_path, time.time))
    await asyncio.wait_for(state.settled.wait(), 60)
    task.cancel()
    assert state.found is None
    assert state.failure.startswith("/nowhere: no such directory")


async def test_a_place_that_cannot_be_written_is_a_failure_too(baseline, tmp_path):
    state = heard(baseline)
    question = state.due(1.0)
    (tmp_path / "file").write_text("no directory")
    for place in ("missing", "file"):
        answer = await search(question, tmp_path / place)
        assert isinstance(answer, str)
        assert "could not be done" in answer


async def test_a_failure_that_stays_the_same_is_logged_once(baseline, tmp_path, caplog):
    state = heard(baseline)
    state.adopt("/nowhere", baseline.schema, baseline.digest)
    task = asyncio.ensure_future(keep_grouping(state, tmp_path, time.time))
    for number in (901, 902):
        state.update([of_rows(number, draw(1, seed=1), baseline.digest, flagged=(0,), row_p=(0.005,))], 2.0)
        state.demand()
        await asyncio.wait_for(state.settled.wait(), 60)
    task.cancel()
    assert state._failures == 2
    assert caplog.text.count("no such directory") == 1
