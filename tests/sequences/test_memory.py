"""What is remembered of recent questions: by all workers, the oldest gone first, in a file of one size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sidecar.scoring.prints import OWN_RECENT, RECENT, WIDTH
from sidecar.sequences.memory import ENTRY, SIZE, Memory


def add(memory: Memory, number: int, client: int = 7, at: float | None = None) -> None:
    about = np.zeros(1, ENTRY)
    about["id"], about["client"], about["at"] = number, client, float(number) if at is None else at
    memory.add(np.full(WIDTH, number, np.float32), about[0])


def recent(memory: Memory) -> list[int]:
    ids = memory.about["id"][:RECENT]
    return sorted(ids[ids > 0].tolist())


def test_workers_see_what_others_remember(tmp_path: Path):
    first, second = (Memory(tmp_path / "m", worker, 2) for worker in (0, 1))
    add(first, 1)
    add(second, 2)
    assert recent(first) == recent(second) == [1, 2]
    place = int(np.flatnonzero(second.about["id"] == 1)[0])
    assert (second.points[place] == 1.0).all()
    assert (tmp_path / "m").stat().st_size == SIZE


def test_each_worker_writes_its_own_places_and_the_oldest_go(tmp_path: Path):
    first, second = (Memory(tmp_path / "m", worker, 2) for worker in (0, 1))
    add(second, 1)
    for number in range(2, RECENT // 2 + 4):
        add(first, number)
    kept = recent(first)
    assert kept[:2] == [1, 4]
    assert len(kept) == RECENT // 2 + 1


def test_a_worker_that_is_started_again_goes_on_behind_its_latest(tmp_path: Path):
    memory = Memory(tmp_path / "m")
    for number in range(1, RECENT + 3):
        add(memory, number)
    again = Memory(tmp_path / "m")
    add(again, RECENT + 3)
    assert recent(again)[0] == 4


def test_what_one_caller_asked_is_there_when_thousands_have_asked_since():
    memory = Memory(None)
    add(memory, 1, client=3)
    for number in range(2, RECENT + 10):
        add(memory, number, client=4)
    assert 1 not in recent(memory)
    own = memory.about[memory.group(3)]
    assert own["id"][own["id"] > 0].tolist() == [1]
    others = memory.about[memory.group(4)]
    assert sorted(others["id"].tolist()) == list(range(RECENT + 10 - OWN_RECENT, RECENT + 10))


def test_a_file_that_cannot_be_made_is_an_error(tmp_path: Path):
    with pytest.raises(OSError, match="No such file"):
        Memory(tmp_path / "nowhere" / "m")
