"""The processes of one sidecar: started, watched, started again, drained. The model is real but small."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

from examples import launch
from examples.launch import Server
from examples.processes import Process, free_port, python
from sidecar import app
from sidecar.settings import Settings
from tests.shortage import nothing_to_open

SLOW = 1.0
"""Seconds that the model takes for an answer to /slow."""


class Answers(BaseHTTPRequestHandler):
    """The model."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/slow":
            time.sleep(SLOW)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def model() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def start(model: str, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts sidecars that end with the test."""
    with ExitStack() as ends:
        yield lambda *flags: ends.enter_context(launch.sidecar(model, tmp_path, flags))


def call(sidecar: Server, path: str = "/") -> int:
    """The status of one call on a connection of its own."""
    connection = http.client.HTTPConnection(sidecar.url.removeprefix("http://"), timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        assert response.read() == b"ok"
        return response.status
    finally:
        connection.close()


def child(sidecar: Server, role: str) -> list[psutil.Process]:
    """The sidecar's living processes of this role."""
    children = psutil.Process(sidecar.process.pid).children(recursive=True)
    found = []
    for one in children:
        with contextlib.suppress(psutil.NoSuchProcess):  # ended, or ending, while we look
            if one.cmdline()[-1:] == [role]:
                found.append(one)
    return found


def until(condition: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, f"waited in vain for {what}"
        time.sleep(0.02)


# -- watched ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["plane", "observer"])
def test_a_process_that_dies_is_started_again(start, role):
    sidecar = start()
    (victim,) = child(sidecar, role)
    victim.kill()
    until(lambda: [one.pid for one in child(sidecar, role)] not in ([], [victim.pid]), f"another {role}")
    assert call(sidecar) == 200  # at once: callers wait in the socket's backlog while a plane comes back
    assert f"{role}" in sidecar.process.last_words()
    assert "starting it again" in sidecar.process.log.read_text()


def test_a_process_that_keeps_dying_is_started_ever_more_slowly(start):
    sidecar = start()
    pids = set()
    end = time.monotonic() + 2.0
    while time.monotonic() < end:
        for one in child(sidecar, "observer"):
            pids.add(one.pid)
            one.kill()
        assert call(sidecar) == 200
        time.sleep(0.02)
    assert 2 < len(pids) < 8


def test_a_process_that_cannot_be_started_is_started_later(caplog):
    """As when memory is short, which may be what the process died of."""
    one = app.Child("check", 0, app._orders(Settings(upstream="http://127.0.0.1:1")), ())
    one.start()
    one.wait(time.monotonic() + 20)
    soon = time.monotonic() + app.STEADY + 1.0
    with nothing_to_open():
        one.tend(soon)
    assert "check cannot be started: [Errno 24]" in caplog.text
    one.tend(time.monotonic() + app.STEADY + 1.0)
    assert one.status() is None
    one.wait(time.monotonic() + 20)
    assert one.restarts == 2


def test_a_run_directory_that_is_gone_is_no_reason_to_end(start, tmp_path):
    run_dir = tmp_path / "run"
    sidecar = start("--run-dir", str(run_dir))
    shutil.rmtree(run_dir)
    os.kill(sidecar.process.pid, signal.SIGHUP)
    until(lambda: "settings not read again, the old ones stay" in sidecar.process.last_words(200), "the word")
    assert call(sidecar) == 200


def test_workers_share_the_port(start):
    sidecar = start("--workers", "2")
    planes = child(sidecar, "plane")
    assert len(planes) == 2
    assert [call(sidecar) for _ in range(40)] == [200] * 40
    planes[0].kill()
    until(
        lambda: len(child(sidecar, "plane")) == 2 and planes[0] not in child(sidecar, "plane"),
        "the other one",
    )
    assert [call(sidecar) for _ in range(40)] == [200] * 40


def test_nobody_is_left_over_when_the_supervisor_is_killed(start):
    sidecar = start()
    children = psutil.Process(sidecar.process.pid).children(recursive=True)
    assert len(children) == 2
    os.kill(sidecar.process.pid, signal.SIGKILL)
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []


# -- ended -----------------------------------------------------------------------------------------


def test_settings_change_while_a_call_is_in_flight(start, tmp_path):
    config = tmp_path / "sidecar.yaml"
    config.write_text("max-body-bytes: 10\n")
    sidecar = start("--config", str(config))

    def posted(size: int) -> int:
        connection = http.client.HTTPConnection(sidecar.url.removeprefix("http://"), timeout=10)
        with contextlib.closing(connection):
            connection.request("POST", "/", body=b"x" * size)
            with connection.getresponse() as answer:
                return answer.status

    assert posted(11) == 413
    slow = threading.Thread(target=call, args=(sidecar, "/slow"))
    slow.start()
    config.write_text("max-body-bytes: 20\nworkers: 3\n")
    os.kill(sidecar.process.pid, signal.SIGHUP)
    until(lambda: posted(11) != 413, "the new limit")
    assert posted(21) == 413
    slow.join()
    assert "not changed, because it needs a restart: workers" in sidecar.process.last_words(200)

    config.write_text("max-body-bytes: none\n")
    os.kill(sidecar.process.pid, signal.SIGHUP)
    until(
        lambda: "settings not read again, the old ones stay" in sidecar.process.last_words(200),
        "the complaint",
    )
    assert posted(11) != 413

    for plane in child(sidecar, "plane"):  # one that is started again goes by what is in force
        plane.kill()
    until(lambda: posted(21) == 413 and posted(11) != 413, "the new plane")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains(start, number):
    sidecar = start()
    statuses: list[int] = []
    caller = threading.Thread(target=lambda: statuses.append(call(sidecar, "/slow")))
    caller.start()
    time.sleep(SLOW / 3)
    os.kill(sidecar.process.pid, number)
    caller.join()
    assert statuses == [200]
    assert sidecar.process.wait(10) == 0
    assert "Traceback" not in sidecar.process.log.read_text()
    with pytest.raises(ConnectionError):
        call(sidecar)


def test_a_call_that_does_not_end_does_not_hold_up_the_end(start):
    sidecar = start("--drain-timeout", "0.2")
    host, port = sidecar.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as caller:
        caller.sendall(b"POST / HTTP/1.1\r\nHost: m\r\nContent-Length: 5\r\n\r\n")
        time.sleep(0.1)
        began = time.monotonic()
        os.kill(sidecar.process.pid, signal.SIGTERM)
        assert sidecar.process.wait(10) == 0
        assert time.monotonic() - began < 3.0


def test_files_of_a_run_go_with_it(start, tmp_path):
    sidecar = start()
    (observer,) = child(sidecar, "observer")
    sockets = [one.laddr for one in psutil.Process(observer.pid).net_connections("unix") if one.laddr]
    run_dir = Path(sockets[0]).parent
    assert run_dir.is_dir()
    os.kill(sidecar.process.pid, signal.SIGTERM)
    assert sidecar.process.wait(10) == 0
    assert not run_dir.exists()


# -- refused ---------------------------------------------------------------------------------------


def refused(directory: Path, *flags: str) -> tuple[int, str]:
    """The exit status and the words of a sidecar that does not start."""
    command = python("sidecar.cli", "run", "--upstream", "http://127.0.0.1:1", *flags)
    with Process("sidecar", command, directory) as process:
        return process.wait(20), process.last_words()


def test_a_port_that_is_taken(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        status, said = refused(tmp_path, "--listen", address)
    assert (status, said) == (2, f"sidecar: listen {address}: Address already in use")


def test_an_address_that_is_not_ours(tmp_path):
    status, said = refused(tmp_path, "--listen", "192.0.2.1:9700")
    assert (status, said) == (2, "sidecar: listen 192.0.2.1:9700: Cannot assign requested address")


def test_an_admin_port_that_is_taken(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        status, said = refused(tmp_path, "--listen", f"127.0.0.1:{free_port()}", "--admin", address)
    assert (status, said) == (2, f"sidecar: admin {address}: Address already in use")


def test_a_run_directory_that_cannot_be_used(tmp_path):
    address = ("--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
    (tmp_path / "file").touch()
    status, said = refused(tmp_path, *address, "--run-dir", str(tmp_path / "file" / "run"))
    assert (status, said) == (2, f"sidecar: run-dir {tmp_path}/file/run: Not a directory")
    status, said = refused(tmp_path, *address, "--run-dir", str(tmp_path / ("x" * 100)))
    assert status == 2
    assert said.endswith("bytes at most, for sockets in it")


def test_a_baseline_that_must_not_be_used_is_refused_before_anything_listens(tmp_path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "manifest.json").write_text('{"format": 1')
    address = f"127.0.0.1:{free_port()}"
    status, said = refused(tmp_path, "--listen", address, "--baseline", str(tmp_path / "bad"))
    assert status == 1
    assert said.startswith(f"sidecar: {tmp_path}/bad/manifest.json: not JSON")
    assert len(said.splitlines()) == 1


def test_a_certificate_that_cannot_be_used(tmp_path):
    (tmp_path / "none.pem").write_text("not PEM")
    address = f"127.0.0.1:{free_port()}"
    status, said = refused(tmp_path, "--listen", address, "--tls-cert", str(tmp_path / "none.pem"))
    assert status == 2
    assert "tls-cert" in said
    assert len(said.splitlines()) == 1


def test_certificates_that_only_grpc_has_a_use_for_are_read_too(tmp_path):
    (tmp_path / "none.pem").write_text("not PEM")
    flags = ("--grpc-listen", "127.0.0.1:0", "--grpc-upstream", "https://127.0.0.1:1")
    status, said = refused(tmp_path, *flags, "--upstream-ca", str(tmp_path / "none.pem"))
    assert status == 2
    assert said.startswith("sidecar: upstream-ca")
    assert len(said.splitlines()) == 1


def test_grpc_without_a_place_to_go_is_refused():
    flags = ("--upstream", "http://127.0.0.1:9", "--grpc-listen", "127.0.0.1:0")
    ran = subprocess.run(python("sidecar.cli", "run", *flags), capture_output=True, text=True, timeout=30)
    assert ran.returncode == 2
    assert "grpc-listen needs grpc-upstream" in ran.stderr
