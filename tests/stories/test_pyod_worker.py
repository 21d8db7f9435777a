"""A detector that only PyOD can score, through real processes: PyOD's scores, and a worker whose death or
sleep costs calls nothing but their score."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
import pytest

from examples import launch
from examples.flight import Flight
from examples.launch import Server
from examples.traffic import Answer, Caller
from sidecar.baseline.worker import refitted
from sidecar.scoring.artifact import read
from tests.stories.conftest import StartSidecar

DEADLINE = 1.0
"""Seconds that an answer waits for its score, so that a loaded machine still has one."""


class Apart(NamedTuple):
    """A baseline of one detector without a compiled form."""

    directory: Path
    scores: dict[int, float]
    """What PyOD says of the first clean rows and outliers of the flight."""


@pytest.fixture(scope="module")
def apart(flight: Flight, tmp_path_factory: pytest.TempPathFactory) -> Apart:
    few = flight._replace(train=flight.train[:600], train_labels=flight.train_labels[:600])
    directory = launch.fit(few, tmp_path_factory.mktemp("apart"), "abod(n_neighbors=7)")
    manifest, _ = read(directory)
    detector = refitted(directory, manifest.digest)["abod"]
    rows = rows_of(flight)
    return Apart(directory, dict(enumerate(detector.score_many(np.ascontiguousarray(rows)).tolist())))


def rows_of(flight: Flight) -> np.ndarray:
    return np.vstack((flight.clean[:3], flight.outliers[:3]))


def worker(sidecar: Server) -> psutil.Process:
    children = psutil.Process(sidecar.process.pid).children(recursive=True)
    (found,) = [child for child in children if child.cmdline()[-1:] == ["pyod"]]
    return found


def scored(sidecar: Server, row: np.ndarray) -> Answer:
    """A call that has a score; the worker may take its time to start."""
    answers: list[Answer] = []

    def has_score() -> bool:
        with Caller(sidecar.url) as caller:
            answers.append(caller.infer(row[None]))
        assert answers[-1].status == 200
        return answers[-1].score is not None

    sidecar.process.wait_until(has_score, 60.0)
    return answers[-1]


def test_scores_are_pyods_and_the_workers_end_costs_only_scores(
    model: Server, flight: Flight, apart: Apart, start_sidecar: StartSidecar
) -> None:
    flags = ("--baseline", str(apart.directory), "--score-deadline", str(DEADLINE))
    sidecar = start_sidecar(model.url, *flags)
    rows = rows_of(flight)

    for number, row in enumerate(rows):
        told = scored(sidecar, row).headers["x-anomaly-detail"]
        assert told.startswith("abod;raw=")
        assert float(told.partition("raw=")[2].partition(";")[0]) == pytest.approx(
            apart.scores[number], rel=1e-6
        )

    victim = worker(sidecar)
    victim.send_signal(signal.SIGSTOP)
    with Caller(sidecar.url) as caller:
        answer = caller.infer(rows[:1])
    assert answer.status == 200
    assert answer.headers["x-anomaly-verdict"] == 'unscored; reason="deadline"'

    os.kill(victim.pid, signal.SIGKILL)
    with Caller(sidecar.url) as caller:
        answer = caller.infer(rows[:1])
    assert answer.status == 200
    assert scored(sidecar, rows[0]).verdict in ("normal", "outlier")
    assert worker(sidecar).pid != victim.pid


def test_without_such_a_detector_there_is_no_worker(
    model: Server, baseline: Path, start_sidecar: StartSidecar
) -> None:
    sidecar = start_sidecar(model.url, "--baseline", str(baseline))
    roles = [child.cmdline()[-1] for child in psutil.Process(sidecar.process.pid).children(recursive=True)]
    assert sorted(roles) == ["observer", "plane"]
