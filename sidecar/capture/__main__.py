"""`python -m sidecar.capture files|events FD`: a writer's process, started by `sidecar.capture.sink`.

FD is a socket. The first frame on it is what to do (`Orders`), everything after it is parcels.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import sys

import msgspec

from sidecar.capture.parcels import Orders
from sidecar.logs import configure

NICE = 15
"""As the observer: the model's traffic goes first."""


def main(arguments: list[str]) -> None:
    """Until the observer hangs up."""
    role, fd = arguments
    for number in (
        signal.SIGINT,
        signal.SIGHUP,
    ):  # both reach every process of a terminal; the observer ends us
        signal.signal(number, signal.SIG_IGN)
    with socket.socket(fileno=int(fd)) as line:
        orders = msgspec.msgpack.decode(_first(line), type=Orders)
        configure(orders.level, f"capture {role}")
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        # Late, when the process has stepped back; and pyarrow is not for those who only send events.
        if role == "files":
            from sidecar.capture import writer

            writer.run(orders, line)
        else:
            from sidecar.capture import sender

            sender.run(orders, line)


def _first(line: socket.socket) -> bytes:
    """The body of the first frame, and not a byte more."""
    (length,) = struct.unpack(">I", _exactly(line, 4))
    return _exactly(line, length)


def _exactly(line: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = line.recv(size - len(data))
        if not part:
            sys.exit(0)
        data += part
    return data


if __name__ == "__main__":
    main(sys.argv[1:])
