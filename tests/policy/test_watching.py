"""A change is seen, however it is made; one that is still being made is not."""

import os
import shutil
import sys
import time

import pytest

from sidecar.errors import UsageError
from sidecar.policy import handing
from sidecar.policy.watching import Watching, look
from tests.policy.documents import policy
from tests.shortage import nothing_to_open

ONE, OTHER = (policy(more=f"expose: {who}") for who in ("none", "both"))
BAD = policy(more="expose: all")


def until(watching: Watching, condition, seconds: float = 20.0) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        watching.tend()
        time.sleep(0.01)


@pytest.fixture
def started(tmp_path):
    """A file that is in force, and who watches it."""
    file, run_dir = tmp_path / "p.yaml", tmp_path / "run"
    run_dir.mkdir()
    file.write_text(ONE)
    watching = Watching(file, run_dir)
    watching.first()
    yield file, run_dir, watching
    watching.close()


def exposed(run_dir) -> str:
    return handing.policies(run_dir).policies[0].expose


def test_a_saved_file_is_in_force_and_a_bad_one_is_not(started, caplog):
    file, run_dir, watching = started
    assert exposed(run_dir) == "none"
    file.write_text(BAD)
    until(watching, lambda: handing.status(run_dir).refused == 1)
    until(watching, lambda: watching._process is None)
    assert exposed(run_dir) == "none"
    assert "the old ones stay" in caplog.text
    assert '"all" is unknown' in caplog.text
    file.write_text(OTHER)
    until(watching, lambda: exposed(run_dir) == "both")


def test_a_check_that_cannot_be_started_is_started_later(started, caplog, monkeypatch):
    file, run_dir, watching = started
    monkeypatch.setattr("sidecar.policy.watching.AGAIN_SECONDS", 0.05)
    file.write_text(OTHER)
    with nothing_to_open():
        until(watching, lambda: "they cannot be checked" in caplog.text)
    assert exposed(run_dir) == "none"
    until(watching, lambda: exposed(run_dir) == "both")


def test_a_run_directory_that_is_gone_is_no_reason_to_end(started, caplog):
    file, run_dir, watching = started
    shutil.rmtree(run_dir)
    file.write_text(OTHER)
    until(watching, lambda: "cannot be said" in caplog.text)


def test_a_file_that_is_renamed_into_place(started, tmp_path):
    file, run_dir, watching = started
    new = tmp_path / "new"
    new.write_text(OTHER)
    new.replace(file)
    until(watching, lambda: exposed(run_dir) == "both")


def test_a_file_that_is_gone_leaves_the_old_in_force(started):
    file, run_dir, watching = started
    file.unlink()
    until(watching, lambda: handing.status(run_dir).refused == 1)
    assert exposed(run_dir) == "none"
    file.write_text(OTHER)
    until(watching, lambda: exposed(run_dir) == "both")


def test_a_config_map_is_swapped_as_kubernetes_does_it(tmp_path):
    """The files are links into `..data`, which is a link to a directory with a time as its name."""
    volume, run_dir = tmp_path / "volume", tmp_path / "run"
    volume.mkdir()
    run_dir.mkdir()
    for name, text in (("..2026_01", ONE), ("..2026_02", OTHER)):
        (volume / name).mkdir()
        (volume / name / "p.yaml").write_text(text)
    (volume / "..data").symlink_to("..2026_01")
    (volume / "p.yaml").symlink_to("..data/p.yaml")
    watching = Watching(volume, run_dir)
    try:
        watching.first()
        assert exposed(run_dir) == "none"
        (volume / "..data_tmp").symlink_to("..2026_02")
        (volume / "..data_tmp").replace(volume / "..data")
        until(watching, lambda: exposed(run_dir) == "both")
    finally:
        watching.close()


def test_a_file_that_is_being_written_is_left_alone(started):
    file, _, watching = started
    watching.tend()
    for i in range(20):
        file.write_text(OTHER[: i + 10])
        os.utime(file, ns=(i, i))  # each time another, however coarse the clock
        watching.tend()
        assert watching._process is None
    watching.tend()
    assert watching._process is not None


def test_what_is_wrong_at_the_start_is_told_whole(tmp_path):
    file = tmp_path / "p.yaml"
    file.write_text(BAD)
    with pytest.raises(UsageError, match='expose: "all" is unknown'):
        Watching(file, tmp_path).first()
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        Watching(tmp_path / "none.yaml", tmp_path).first()


@pytest.mark.parametrize("wrong", [f"expose: {'x' * 200_000}", "description: " + "[" * 5_000])
def test_a_file_that_is_wrong_without_measure_is_refused_like_any_other(started, wrong):
    file, run_dir, watching = started
    file.write_text(policy(more=wrong))
    until(watching, lambda: handing.status(run_dir).refused == 1)
    (said,) = handing.status(run_dir).errors
    assert said.startswith(str(file))
    assert len(said) < 2_000
    file.write_text(OTHER)
    until(watching, lambda: exposed(run_dir) == "both")


def test_a_check_with_more_to_say_than_a_pipe_holds_comes_to_an_end(started):
    file, run_dir, watching = started
    rules = [f'{{name: r{i}, when: verdict == "{"x" * 900}", action: tag}}' for i in range(150)]
    file.write_text(policy(*rules))
    until(watching, lambda: len(handing.status(run_dir).warnings) >= 150)
    file.write_text(OTHER)
    until(watching, lambda: exposed(run_dir) == "both")


def test_a_check_that_dies_without_a_word_is_told_as_a_refusal(started):
    file, run_dir, watching = started
    good, watching._command = watching._command, [sys.executable, "-c", "import os; os.abort()"]
    file.write_text(OTHER)
    until(watching, lambda: handing.status(run_dir).refused == 1)
    (said,) = handing.status(run_dir).errors
    assert said.endswith("ended with status -6")
    watching._command = good
    file.write_text(ONE + "# again")
    until(watching, lambda: handing.status(run_dir).errors == ())


def test_a_look_is_cheap_and_never_raises(tmp_path):
    assert look(tmp_path / "none") == ()
    assert look(tmp_path) == ()
    (tmp_path / "a.yaml").write_text("x")
    (tmp_path / ".b.yaml").write_text("x")
    assert [one[0] for one in look(tmp_path)] == ["a.yaml"]
