"""Asking PyOD's worker: right answers, bounded patience, and a reason for whatever else may happen."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import pytest

from sidecar.link import Frames, bound, framed
from sidecar.scoring import apart
from sidecar.scoring.apart import Apart, Ask, Away, Connection, Told

ROWS = np.arange(6.0).reshape(3, 2)

Answer = Callable[[Ask], bytes | None]
"""What goes back; nothing: hang up."""


@contextmanager
def worker(path: Path, answer: Answer) -> Iterator[list[Ask]]:
    """Something that listens where the worker does. Its connections end with it."""
    asked: list[Ask] = []
    listening = bound(path)
    listening.settimeout(0.05)
    listening.listen()
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                peer, _ = listening.accept()
            except TimeoutError:
                continue
            with peer:
                peer.settimeout(0.05)
                _talk(peer)

    def _talk(peer: socket.socket) -> None:
        frames = Frames()
        while not over.is_set():
            try:
                data = peer.recv(65_536)
            except TimeoutError:
                continue
            if not data:
                return
            for body in frames.update(data):
                asked.append(msgspec.msgpack.decode(body, type=Ask))
                if (back := answer(asked[-1])) is None:
                    return
                peer.sendall(back)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield asked
    finally:
        over.set()
        thread.join()
        listening.close()


def sums(ask: Ask) -> bytes:
    rows = np.frombuffer(ask.rows).reshape(-1, ask.columns)
    return framed(Told(rows.sum(axis=1).tobytes()))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pyod.sock"


@pytest.fixture
def connection(path: Path) -> Iterator[Connection]:
    made = Connection(path, "some/where", "abc")
    yield made
    made.close()


def reason(connection: Connection) -> str:
    with pytest.raises(Away) as away:
        connection.ask("kde", ROWS)
    return away.value.reason


def test_rows_go_there_and_scores_come_back(connection, path):
    with worker(path, sums) as asked:
        assert connection.ask("kde", ROWS).tolist() == [1.0, 5.0, 9.0]
        assert Apart("kde", connection).score(ROWS[1]) == 5.0
        assert Apart("kde", connection).score_many(np.asfortranarray(ROWS)).tolist() == [1.0, 5.0, 9.0]
        assert connection.ask("kde", ROWS[:0]).shape == (0,)
    assert {(ask.directory, ask.digest, ask.detector, ask.columns) for ask in asked} == {
        ("some/where", "abc", "kde", 2)
    }
    assert all(ask.expires <= time.monotonic() + apart.PATIENCE for ask in asked)


def test_a_worker_that_is_not_there_or_hangs_up_is_away(connection, path):
    assert reason(connection) == "worker-away"
    with worker(path, lambda ask: None):
        assert reason(connection) == "worker-away"
    with worker(path, sums):
        assert connection.ask("kde", ROWS).shape == (3,)


@pytest.mark.parametrize(
    "nonsense",
    [b"\xff\xff\xff\xffxxxx", framed(Told(bytes(8))), b"\x00\x00\x00\x02{}", framed(Told(bytes(5)))],
    ids=["too long", "of other rows", "not msgpack of ours", "half a number"],
)
def test_nonsense_is_no_score(connection, path, nonsense):
    with worker(path, lambda ask: nonsense):
        assert reason(connection) == "worker-away"


def test_a_worker_that_sleeps_is_given_up(connection, path, monkeypatch):
    monkeypatch.setattr(apart, "PATIENCE", 0.2)
    answers = iter([b"", sums])
    with worker(path, lambda ask: b"" if next(answers) == b"" else sums(ask)):
        began = time.monotonic()
        assert reason(connection) == "deadline"
        assert time.monotonic() - began >= 0.2
        monkeypatch.setattr(apart, "PATIENCE", 5.0)
        assert connection.ask("kde", ROWS).tolist() == [1.0, 5.0, 9.0], "by a new connection"


def test_what_the_worker_says_is_the_reason(connection, path):
    with worker(path, lambda ask: framed(Told(reason="worker-starting"))):
        assert reason(connection) == "worker-starting"


def test_warming_waits_until_each_detector_answers(connection, path):
    told = iter([Told(reason="worker-starting"), Told(), Told(reason="worker-starting"), Told()])
    with worker(path, lambda ask: framed(next(told))) as asked:
        connection.warm(("kde", "abod"), 2)
    assert [ask.detector for ask in asked] == ["kde", "kde", "abod", "abod"]
