"""Child processes that are started, awaited, listened to, and surely ended.

The demo and the story tests run real servers and real sidecars. A child gets a session of its own, so that
Ctrl-C reaches only the parent, which then ends its children in order; whatever a child started is in the
same process group and ends with it.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parent.parent
"""The checkout: children run here, so that `-m sidecar.cli` and `-m examples.server` are found."""


class NotStarted(Exception):
    """A child ended or stayed silent where it should have become ready; the message has its last words."""


class Process:
    """One child, from start to end: `with Process("model", [sys.executable, ...]) as model:`.

    Standard output and error go to `log`, a file in `directory`. The parent's own sidecar and
    OpenTelemetry settings are not passed on; `env` adds variables.
    """

    def __init__(
        self, name: str, command: Sequence[str], directory: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.log = directory / f"{name}.log"
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("SIDECAR_", "OTEL_"))}
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                command,
                cwd=ROOT,
                env=clean | dict(env or {}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.pid = self._child.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        return self._child.poll() is None

    def last_words(self, lines: int = 20) -> str:
        """The end of what the child has written so far; of a long line its beginning and its end."""
        written = self.log.read_text(errors="replace").strip().splitlines()[-lines:]
        return "\n".join(map(_shortened, written)) or "(it wrote nothing)"

    def wait_until(self, ready: Callable[[], bool], seconds: float = 30.0) -> None:
        """Return as soon as `ready()`. Raises NotStarted when the child ends first, or never gets there."""
        limit = time.monotonic() + seconds
        while not ready():
            if not self.running:
                what = f"ended with status {self._child.returncode}"
            elif time.monotonic() > limit:
                what = f"was not ready after {seconds:g} s"
            else:
                time.sleep(0.05)
                continue
            raise NotStarted(f"{self.name} {what}. Its last words:\n{self.last_words()}")

    def wait_for(self, url: str, seconds: float = 30.0) -> None:
        """Wait until `url` answers with 200."""
        self.wait_until(lambda: answers(url), seconds)

    def wait(self, seconds: float) -> int:
        """The exit status. Raises NotStarted when the child is still running after that time."""
        try:
            return self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            message = f"{self.name} still ran after {seconds:g} s. Its last words:\n{self.last_words()}"
            raise NotStarted(message) from None

    def stop(self, patience: float = 5.0) -> None:
        """End the child: asked first, then with everything that it started, by force."""
        if self.running:
            self._child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(patience)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._child.wait()


def _shortened(line: str) -> str:
    return line if len(line) <= 600 else f"{line[:200]} ... {line[-400:]}"


def free_port() -> int:
    """A port of the loopback address that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    """Whether a GET of `url` is answered with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, http.client.HTTPException, OSError):
        return False


def python(module: str, *arguments: str) -> list[str]:
    """The command line that runs a module with this interpreter."""
    return [sys.executable, "-m", module, *arguments]
