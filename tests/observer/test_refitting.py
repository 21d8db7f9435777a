"""A refit by real processes: adopted when it wins, refused during an alarm, and nothing left behind."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from sidecar.baseline.fit import fit
from sidecar.contest import Contest, Side
from sidecar.defence.guard import guard
from sidecar.link import Swap
from sidecar.observer import answers
from sidecar.observer.observer import Observer, State
from sidecar.observer.refitting import keep_refitting, refit
from sidecar.observer.snapshot import decode, encode
from sidecar.scoring.answers import load as load_answers
from sidecar.scoring.baseline import Baseline, load
from sidecar.settings import Settings
from sidecar.tasks import Tasks
from tests.baseline.test_inherited import laid_out, mixed
from tests.observer.real import draw, fitted
from tests.observer.talk import batch, of_rows


@pytest.fixture(autouse=True)
def _no_step_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a process of low priority may not get to its end within a test's time."""
    monkeypatch.setattr("sidecar.observer.fitting.NICE", 0)


@pytest.fixture
def observer(baseline: Baseline) -> Observer:
    """One that has heard 600 rows of normal traffic, and keeps them."""
    made = Observer(Settings(upstream="http://127.0.0.1:1", baseline=baseline.directory), lambda: 1e9)
    for number in range(12):
        made.take_in([of_rows(number, draw(50, seed=50 + number), baseline.digest, row_p=(0.5,) * 50)])
    return made


async def test_a_winner_takes_the_place_of_the_old_one(observer, baseline, tmp_path):
    observer.refit.demand()
    assert observer.refit.due(observer.clock())
    await refit(observer, tmp_path)
    outcome = observer.refit.outcome
    assert outcome is not None
    assert outcome.adopted, outcome.reason
    new = observer.refit.baseline
    assert load(Path(new)).digest != baseline.digest
    assert load(Path(new)).wanted == baseline.wanted
    assert Swap(new) in observer.orders()
    observer.hear(batch(baseline=new))
    assert observer.baseline == new
    assert sorted(path.name for path in (tmp_path / "learned").iterdir()) == ["baseline-1"]

    again = Observer(observer.settings, lambda: 1e9)
    again.restore(decode(encode(observer.keep()), State))
    assert Swap(new) in again.orders()
    assert again.baseline == new

    other = fitted(draw(600, seed=9), tmp_path).directory
    later = Observer(Settings(upstream="http://127.0.0.1:1", baseline=other), lambda: 1e9)
    later.restore(decode(encode(observer.keep()), State))
    assert later.baseline == other, "who fits another one wants it"
    assert not any(isinstance(order, Swap) for order in later.orders())
    assert later.refit.outcome == outcome


async def test_a_place_that_cannot_be_written_is_refused_and_the_next_one_is_due(observer, tmp_path):
    (tmp_path / "learned").write_text("no directory")
    observer.refit.demand()
    assert observer.refit.due(observer.clock())
    await refit(observer, tmp_path)
    assert not observer.refit.fitting
    assert observer.refit.outcome is not None
    assert observer.refit.outcome.reason.startswith("it could not be done: [Errno 17]")
    observer.refit.demand()
    assert observer.refit.due(observer.clock())


async def test_what_was_learned_of_answers_is_learned_again(tmp_path, monkeypatch):
    monkeypatch.setattr(answers, "SHARE", 1.0)
    random = np.random.default_rng(0)
    asked = random.normal(size=(1200, 3))
    lines = [json.dumps({"a": a, "b": b, "c": c, "predictions": a + b}) for a, b, c in asked[:600].tolist()]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    fit(tmp_path / "rows.jsonl", tmp_path / "b", ["ecod"], outputs=["predictions"])
    observer = Observer(Settings(upstream="http://127.0.0.1:1", baseline=str(tmp_path / "b")), lambda: 1e9)
    for number, rows in enumerate(asked[600:].reshape(-1, 50, 3)):
        body = json.dumps({"predictions": (rows[:, 0] + rows[:, 1]).tolist()}).encode()
        digest = observer.traffic.digest
        observer.take_in([of_rows(number, rows, digest, row_p=(0.5,) * 50, response_body=body)])
    assert all(one.row.answer for one in observer.cohorts.clean)
    observer.refit.demand()
    observer.refit.due(observer.clock())
    await refit(observer, tmp_path)
    assert observer.refit.outcome.adopted, observer.refit.outcome.reason
    found = load_answers(Path(observer.refit.baseline))
    schema = observer.traffic.oddness.reference.schema
    assert found.schema.names == schema.names
    question = np.array([[0.2, -0.1, 0.3], [0.2, -0.1, 0.3]])
    right, wrong = found.p_many(question, np.array([[0.1], [2.0]]))
    assert wrong <= 0.02 < 0.1 < right


async def test_dates_ids_and_texts_are_refitted_as_they_are_read(tmp_path):
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, mixed(900, 1))))
    first = fit(tmp_path / "rows.jsonl", tmp_path / "b", ["ecod", "knn-500"]).baseline
    observer = Observer(Settings(upstream="http://127.0.0.1:1", baseline=first.directory), lambda: 1e9)
    for number in range(14):
        rows = laid_out(mixed(50, 50 + number), first.schema).values
        observer.take_in([of_rows(number, rows, first.digest, row_p=(0.5,) * 50)])
    observer.refit.demand()
    observer.refit.due(observer.clock())
    await refit(observer, tmp_path)
    assert observer.refit.outcome.adopted, observer.refit.outcome.reason
    second = load(Path(observer.refit.baseline))
    assert second.digest != first.digest
    assert second.schema.sources == first.schema.sources
    assert len(second.schema.readings) == 3
    clean = second.score(laid_out(mixed(400, 99), second.schema), 0.05)
    assert not np.isnan(clean.row_p).any()
    assert (np.array(clean.row_p) <= 0.05).mean() < 0.12


async def test_what_is_known_of_clean_pictures_outlives_a_refit(tmp_path):
    rows = load_digits().data
    np.savez(tmp_path / "rows.npz", X=rows[:900])
    first = fit(tmp_path / "rows.npz", tmp_path / "b", ["ecod"], pixels="8x8").baseline
    observer = Observer(Settings(upstream="http://127.0.0.1:1", baseline=first.directory), lambda: 1e9)
    for number, part in enumerate(np.array_split(rows[900:1700], 16)):
        observer.take_in([of_rows(number, part, first.digest, row_p=(0.5,) * len(part))])
    observer.refit.demand()
    observer.refit.due(observer.clock())
    await refit(observer, tmp_path)
    assert observer.refit.outcome.adopted, observer.refit.outcome.reason
    second = load(Path(observer.refit.baseline))
    assert second.pixels == first.pixels == "8x8"
    assert guard(second).noise is not None


def test_a_data_plane_that_refuses_it_undoes_it(observer, baseline):
    observer.refit.demand()
    observer.refit.due(observer.clock())
    side = Side("new", "b", 0.01, 0.9, 0.005)
    assert observer.refit.decided(Contest(0.01, 400, side, side), observer.clock())
    observer.hear(batch(baseline=baseline.directory, refused="cut short"))
    assert observer.refit.baseline == ""
    assert observer.refit.outcome.reason == "a data plane refused it: cut short"
    assert not [order for order in observer.orders() if isinstance(order, Swap)]


async def test_a_failed_fit_leaves_everything_as_it_was(observer, tmp_path):
    observer.wanted = "crystal-ball"
    observer.refit.demand()
    observer.refit.due(observer.clock())
    await refit(observer, tmp_path)
    assert 'no detector "crystal-ball"' in observer.refit.outcome.reason
    assert list((tmp_path / "learned").iterdir()) == []
    assert not observer.refit.fitting


async def test_nothing_is_learned_during_an_alarm(observer, baseline, tmp_path):
    rows = draw(1500, seed=6)
    rows[:, 12] += 40.0
    for number, part in enumerate(np.array_split(rows, 30)):
        p = (0.5,) * len(part)
        observer.take_in([of_rows(100 + number, part, baseline.digest, row_p=p)])
    assert observer.drift_state() != "stable"
    observer.refit.demand()
    tasks = Tasks()
    tasks.start("refits", keep_refitting(observer, tmp_path))
    try:
        async with asyncio.timeout(30):
            while observer.refit.outcome is None:
                await asyncio.sleep(0.05)
    finally:
        await tasks.close()
    assert "nothing is learned but from stable traffic" in observer.refit.outcome.reason
    assert observer.refit.baseline == ""
