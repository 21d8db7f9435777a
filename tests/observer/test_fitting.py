"""The process that fits is the real one: `sidecar fit`."""

import asyncio
import sys
import time

import pytest

from sidecar.observer.fitting import keep_fitting, run
from sidecar.observer.learning import Learning
from sidecar.scoring.baseline import load
from tests.observer.real import draw
from tests.observer.talk import learning as heard


async def fitted(state, detectors, run_dir, until):
    async with asyncio.timeout(60):
        task = asyncio.ensure_future(keep_fitting(state, detectors, run_dir))
        while not until():
            await asyncio.sleep(0.02)
        task.cancel()


async def test_rows_of_calls_become_a_baseline_that_loads(tmp_path):
    state = Learning(150)
    state.update([heard(i, row) for i, row in enumerate(draw(150, seed=1))])
    await fitted(state, "ecod", tmp_path, lambda: state.phase == "learned" or state.failure)
    assert state.failure == ""
    baseline = load(tmp_path / "learned" / "baseline-1")
    assert state.baseline == baseline.directory
    assert len(baseline.schema.fields) == 16
    assert {field.rows for field in baseline.reference} == {150}
    assert [path.name for path in (tmp_path / "learned").iterdir()] == ["baseline-1"], "nothing else is left"


async def test_a_fit_that_fails_says_why_and_learning_goes_on(tmp_path, caplog):
    state = Learning(10)
    state.update([heard(i, row) for i, row in enumerate(draw(10, seed=1))])
    await fitted(state, "nonsense", tmp_path, lambda: state.failure)
    assert "nonsense" in state.failure
    assert (state.phase, state.need) == ("collecting", 20)
    assert "learning failed after 10 rows" in caplog.text
    assert list((tmp_path / "learned").iterdir()) == []


async def test_a_place_that_cannot_be_written_is_a_failure_and_learning_goes_on(tmp_path, caplog):
    (tmp_path / "learned").write_text("no directory")
    state = Learning(60)
    state.update([heard(i, row) for i, row in enumerate(draw(120, seed=1))])

    def mended():
        if state.failure and not (tmp_path / "learned").is_dir():
            (tmp_path / "learned").unlink(missing_ok=True)
        return state.phase == "learned"

    await fitted(state, "ecod", tmp_path, mended)
    assert "the fit could not be done: [Errno 17]" in caplog.text
    assert load(tmp_path / "learned" / "baseline-1").directory == state.baseline


async def test_a_name_is_never_used_again(tmp_path):
    (tmp_path / "learned" / "baseline-7").mkdir(parents=True)
    state = Learning(60)
    state.update([heard(i, row) for i, row in enumerate(draw(60, seed=1))])
    await fitted(state, "ecod", tmp_path, lambda: state.phase == "learned" or state.failure)
    assert state.baseline.endswith("baseline-8")


@pytest.mark.parametrize(
    ("program", "complaint"),
    [
        ("pass", ""),
        ("import sys; sys.exit('column age: no numbers')", "column age: no numbers"),
        ("import sys; sys.exit(3)", "the fit ended with status 3 and said nothing"),
        ("import sys; sys.exit('x' * 100_000)", "x" * 4_000),
    ],
)
async def test_what_a_process_complained_about(program, complaint):
    found = await run((sys.executable, "-c", program))
    assert found == complaint or (len(complaint) == 4_000 and found.strip() in complaint)


async def test_a_process_runs_at_low_priority():
    program = "import os, sys; sys.exit(str(os.getpriority(os.PRIO_PROCESS, 0)))"
    assert await run((sys.executable, "-c", f"import time; time.sleep(0.1); {program}")) == "15"


async def test_a_process_that_takes_too_long_is_killed():
    began = time.monotonic()
    assert "longer than 0.3 s" in await run((sys.executable, "-c", "import time; time.sleep(60)"), 0.3)
    assert time.monotonic() - began < 5


async def test_a_process_ends_with_who_waits_for_it(tmp_path):
    mark = tmp_path / "alive"
    program = f"import pathlib, time; time.sleep(1); pathlib.Path({str(mark)!r}).touch()"
    task = asyncio.ensure_future(run((sys.executable, "-c", program)))
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(1.2)
    assert not mark.exists()
