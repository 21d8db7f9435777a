"""The benchmark's process trees, on real processes: measured whole, and gone afterwards."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.rig.processes import Died, Peak, Ports, Tree, rss

_PARENT = """
import os, signal, socket, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN) if "stubborn" in sys.argv else None
if os.fork() == 0:
    time.sleep(60)
listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    connection, _ = listening.accept()
    if connection.recv(10) == b"grow":
        bytearray(b"x" * 30_000_000)
        connection.send(b"grown")
"""


@pytest.fixture
def tree(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Tree]:
    port = Ports().free()
    words = getattr(request, "param", ())
    tree = Tree("parent", [sys.executable, "-c", _PARENT, str(port), *words], port, tmp_path / "log")
    tree.wait_until_listening()
    yield tree
    tree.stop(0.5)


@pytest.mark.parametrize("tree", [(), ("stubborn",)], indirect=True)
def test_stop_ends_parent_and_child(tree: Tree) -> None:
    everyone = tree.processes()
    assert len(everyone) == 2
    tree.stop(0.5)
    assert [process.is_running() for process in everyone] == [False, False]


def test_data_plane_is_who_listens_and_memory_is_of_all(tree: Tree) -> None:
    assert tree.data_plane() == [tree.root]
    assert rss(tree.processes()) > rss(tree.data_plane()) > 1_000_000


def test_peak_sees_memory_that_was_given_back(tree: Tree) -> None:
    peak = Peak(tree.processes())
    with socket.create_connection(("127.0.0.1", tree.port)) as caller:
        caller.send(b"grow")
        assert caller.recv(10) == b"grown"
    assert 25e6 < peak.extra() < 80e6


def test_a_program_that_ends_is_reported_with_its_log(tmp_path: Path) -> None:
    tree = Tree("brief", [sys.executable, "-c", "print('no such flag'); exit(3)"], 1, tmp_path / "log")
    with pytest.raises(Died, match=r"(?s)ended with code 3.*no such flag"):
        tree.wait_until_listening()
    tree.stop()
