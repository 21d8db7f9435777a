"""The writer's process: it takes its orders, and ends when nobody is there."""

import socket
import subprocess
import sys

import msgspec

from sidecar.capture.parcels import sealed
from tests.capture.kept import call, orders, parcel


def started(theirs):
    return subprocess.Popen(
        [sys.executable, "-m", "sidecar.capture", "files", str(theirs.fileno())], pass_fds=[theirs.fileno()]
    )


def test_it_keeps_what_comes_until_the_observer_is_gone(tmp_path):
    ours, theirs = socket.socketpair()
    with ours, theirs, started(theirs) as process:
        theirs.close()
        said = msgspec.msgpack.encode(orders(tmp_path))
        ours.sendall(len(said).to_bytes(4, "big") + said + sealed(parcel(1, call(1))))
        ours.shutdown(socket.SHUT_WR)
        assert process.wait(60) == 0
    assert len(list(tmp_path.glob("date=*/*.parquet"))) == 1


def test_without_orders_it_ends():
    ours, theirs = socket.socketpair()
    with theirs, started(theirs) as process:
        ours.close()
        theirs.close()
        assert process.wait(60) == 0
