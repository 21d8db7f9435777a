"""Starts what a deployment has: a model server, a fit, a sidecar before the model. Each on free ports.

The demo, the benchmarks and the story tests use it: all of them run the commands that a person would type.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from examples.flight import Flight, write_csv
from examples.processes import NotStarted, Process, free_port, python


class Server(NamedTuple):
    """A running server and its address: the model's, or the one at which the sidecar takes its traffic.
    As a context it ends with the context."""

    process: Process
    url: str
    admin_url: str = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.stop()


def model(directory: Path, takes_ms: float = 0.0) -> Server:
    """`examples.server`, ready. `takes_ms`: the least time of an answer."""
    address = f"127.0.0.1:{free_port()}"
    command = python("examples.server", "--listen", address, "--takes-ms", f"{takes_ms:g}")
    return _ready(Server(Process("model", command, directory), f"http://{address}"), "/v2/health/ready")


def relay(directory: Path, following: str) -> Server:
    """`examples.relay`, ready: a model that asks the one at `following`."""
    address = f"127.0.0.1:{free_port()}"
    command = python("examples.relay", "--listen", address, "--next", following)
    return _ready(Server(Process("relay", command, directory), f"http://{address}"), "/v2/health/ready")


def fit(data: Flight, directory: Path, detectors: str = "ecod,iforest") -> Path:
    """`sidecar fit` on the flight's reference. Returns the baseline directory; raises NotStarted with the
    command's last words when it failed."""
    reference, baseline = directory / "reference.csv", directory / "baseline"
    write_csv(data.reference, reference)
    arguments = ["fit", "--data", str(reference), "--out", str(baseline), "--detectors", detectors]
    with Process("fit", python("sidecar.cli", *arguments), directory) as process:
        status = process.wait(120)
    if status != 0:
        raise NotStarted(f"sidecar fit ended with status {status}. Its last words:\n{process.last_words()}")
    return baseline


def sidecar(
    upstream: str,
    directory: Path,
    flags: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    admin: str = "",
) -> Server:
    """`sidecar run` before `upstream`, with more `flags`. It takes traffic and its admin page answers, at
    `admin` (host:port) if that was promised to somebody."""
    listen, admin = f"127.0.0.1:{free_port()}", admin or f"127.0.0.1:{free_port()}"
    arguments = ["run", "--upstream", upstream, "--listen", listen, "--admin", admin, *flags]
    process = Process("sidecar", python("sidecar.cli", *arguments), directory, env)
    server = Server(process, f"http://{listen}", f"http://{admin}")
    return _ready(server, "/readyz", server.admin_url)


def _ready(server: Server, path: str, url: str = "") -> Server:
    try:
        server.process.wait_for((url or server.url) + path)
        server.process.wait_until(lambda: _listens(server.url))
    except BaseException:
        server.process.stop()
        raise
    return server


def _listens(url: str) -> bool:
    host, _, port = url.removeprefix("http://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True
