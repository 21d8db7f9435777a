"""PyOD's worker as a process: every detector that only PyOD can score, against PyOD; and what it refuses."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from sidecar.baseline import worker
from sidecar.baseline.fit import fit
from sidecar.baseline.fitting import APART, fit_detector, quiet
from sidecar.baseline.uncompiled import Uncompiled
from sidecar.baseline.worker import Bench, refitted, score
from sidecar.errors import BaselineError, SidecarError
from sidecar.scoring import apart as asking
from sidecar.scoring.apart import REFUSED, STARTING, Ask, Away, Connection
from sidecar.scoring.artifact import read
from sidecar.scoring.baseline import load
from sidecar.wanted import read as read_wanted
from tests.scoring.sets import adbench

PLAIN = [name for name, recipe in APART.items() if not recipe.needs and name != "lscp"]
WANTED = [*PLAIN, "lscp(detector_list=[lof(n_neighbors=5),lof(n_neighbors=9)])", "gmm(covariance_type=diag)"]

SERVE = """
import asyncio, sys
from pathlib import Path
from sidecar.baseline.worker import serve
asyncio.run(serve(Path(sys.argv[1]), sys.argv[2]))
"""


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of all detectors that PyOD's worker scores here."""
    place = tmp_path_factory.mktemp("worker")
    np.savez(place / "rows.npz", X=adbench("6_cardio").clean[:220])
    fit(place / "rows.npz", place / "baseline", WANTED)
    return place / "baseline"


@contextmanager
def running(socket: Path, baseline: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", SERVE, str(socket), baseline])
    try:
        until = time.monotonic() + 60
        while not socket.exists():
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.wait()


def test_every_detector_of_the_worker_scores_as_pyod_does(baseline, tmp_path):
    manifest, arrays = read(baseline)
    train = arrays["apart/rows"]
    rows = np.vstack((train[:4], 1.5 * train[:4] + 1.0, train.max(axis=0) + 100.0))
    found = load(baseline, tmp_path / "pyod.sock")
    assert found.apart == tuple(entry.name for entry in manifest.detectors)
    with running(tmp_path / "pyod.sock", str(baseline)):
        found.warm()
        connection = Connection(tmp_path / "pyod.sock", str(baseline), manifest.digest[:12])
        for entry in manifest.detectors:
            (wanted,) = read_wanted(entry.wanted)
            model = fit_detector(wanted, train[: entry.rows], manifest.split.seed)
            with quiet():
                expected = [model.decision_function(row[None])[0] for row in rows]
            assert connection.ask(entry.name, rows) == pytest.approx(expected, rel=1e-9), entry.wanted
        connection.close()
        found.close()


def test_a_baseline_that_is_not_the_one_asked_for_is_refused(baseline):
    with pytest.raises(SidecarError, match="is not the baseline abc any more"):
        refitted(baseline, "abc")


def test_scores_other_than_stored_are_refused(baseline, tmp_path, monkeypatch):
    """As after an upgrade that changes a detector."""
    manifest, _ = read(baseline)
    monkeypatch.setattr(worker, "read", lambda text: read_wanted("kde(bandwidth=0.3)"))
    with pytest.raises(BaselineError, match="scores differently from when the baseline was made"):
        refitted(baseline, manifest.digest)


async def answered(bench: Bench, ask: Ask):
    """What it says once it has fitted."""
    async with asyncio.timeout(60):
        while (told := await bench.answer(ask)).reason == STARTING:
            await asyncio.sleep(0.02)
    return told


async def test_what_cannot_be_fitted_again_is_told_to_whoever_asks(tmp_path):
    bench = Bench()
    told = await answered(bench, Ask(str(tmp_path / "gone"), "abc", "kde", 1, b"", 0.0))
    assert (told.reason, "no such directory" in told.detail) == (REFUSED, True)
    bench.close()


async def test_a_detector_that_is_not_there_is_refused(tmp_path):
    np.savez(tmp_path / "rows.npz", X=adbench("6_cardio").clean[:120])
    digest = fit(tmp_path / "rows.npz", tmp_path / "b", ["ecod"]).manifest.digest
    bench = Bench()
    told = await answered(bench, Ask(str(tmp_path / "b"), digest, "kde", 1, b"", 0.0))
    assert (told.reason, "has no detector kde" in told.detail) == (REFUSED, True)
    bench.close()


class Broken:
    def decision_function(self, rows):
        raise ValueError("not today")


def test_nobody_is_answered_too_late_and_a_failure_is_a_reason():
    detector = Uncompiled(Broken(), alone=False)
    late = Ask("", "", "kde", 2, np.ones((1, 2)).tobytes(), time.monotonic() - 1)
    assert score(detector, late).reason == "deadline"
    now = Ask("", "", "kde", 2, np.ones((1, 2)).tobytes(), time.monotonic() + 60)
    assert score(detector, now).reason == "not-a-score:kde"


def test_a_worker_that_is_stuck_ends_itself(baseline, tmp_path):
    program = (
        "import sys, time\n"
        "from sidecar.baseline import worker\n"
        "from sidecar.scoring.apart import Ask\n"
        "worker.STUCK_SECONDS = 0.2\n"
        "class Stuck:\n"
        "    def score_many(self, rows):\n"
        "        time.sleep(60)\n"
        "worker.score(Stuck(), Ask('', '', 'kde', 1, bytes(8), time.monotonic() + 60))\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=50, check=False)
    assert ended.returncode == 1
    assert b"score_many" in ended.stderr


def test_a_swap_waits_for_the_worker_and_says_when_it_cannot(baseline, tmp_path, monkeypatch):
    spoiled = tmp_path / "gone"
    shutil.copytree(baseline, spoiled)
    found = load(spoiled, tmp_path / "pyod.sock")
    monkeypatch.setattr(asking, "WARM_SECONDS", 0.1)
    with pytest.raises(BaselineError, match=r"isn't ready after 0\.2 s"):
        found._worker.warm(found.apart, 20, seconds=0.2)
    shutil.rmtree(spoiled)
    with running(tmp_path / "pyod.sock", ""), pytest.raises(BaselineError, match="no such directory"):
        found.warm()
    with pytest.raises(Away) as away:
        Connection(None, "", "").ask("kde", np.ones((1, 2)))
    assert away.value.reason == "worker-away"
    found.close()
