"""The observer is killed in the middle of traffic: nobody who calls the model notices, and it comes back."""

import http.client
import os
import signal
import threading
import time
from pathlib import Path
from typing import NamedTuple

import psutil

from examples.flight import Flight
from examples.launch import Server
from examples.processes import answers
from examples.traffic import Caller

KILLS = 4

BACK_WITHIN = 2.0
"""Seconds from a kill until the admin page answers again; the best of all, as others use the machine, too."""


class Called(NamedTuple):
    """One call: when it ended, and what was wrong with it, or nothing."""

    at: float
    fault: str


def test_killing_the_observer_fails_no_call_and_it_is_back_in_two_seconds(
    model: Server, baseline: Path, flight: Flight, start_sidecar
) -> None:
    sidecar = start_sidecar(model.url, "--baseline", str(baseline))
    away = []
    with Load(sidecar.url, flight, callers=2) as load:
        for _ in range(KILLS):
            time.sleep(1.0)
            victim = observer(sidecar)
            os.kill(victim.pid, signal.SIGKILL)
            killed = time.monotonic()
            away.append(until(lambda: answers(f"{sidecar.admin_url}/healthz"), killed + 10))
            meanwhile = [call for call in load.calls if killed < call.at < killed + away[-1]]
            assert len(meanwhile) > 20, "there was load all the time"
            assert observer(sidecar).pid != victim.pid
        time.sleep(0.5)

    assert [call.fault for call in load.calls if call.fault] == []
    assert min(away) < BACK_WITHIN, f"it was away for {away} s: {sidecar.process.last_words()}"


class Load:
    """Callers, each in its own thread, while used as a context: some 200 calls a second from each.

    Not as many as will go: the machine of a test must have something left to start a process with.
    """

    def __init__(self, url: str, flight: Flight, callers: int) -> None:
        self.calls: list[Called] = []
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._call, args=(url, flight.clean[i::callers])) for i in range(callers)
        ]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _call(self, url: str, rows) -> None:
        with Caller(url) as caller:
            i = 0
            while not self._over.is_set():
                try:
                    answer = caller.infer(rows[i % len(rows), None])
                    scored = answer.status == 200 and answer.score is not None
                    fault = "" if scored else f"{answer.status} {answer.headers}"
                except (OSError, http.client.HTTPException) as error:
                    fault = repr(error)
                self.calls.append(Called(time.monotonic(), fault))
                i += 1
                time.sleep(0.003)


def observer(sidecar: Server) -> psutil.Process:
    """The sidecar's observer process."""
    children = psutil.Process(sidecar.process.pid).children(recursive=True)
    (found,) = [child for child in children if child.cmdline()[-1:] == ["observer"]]
    return found


def until(condition, limit: float) -> float:
    """Wait for the condition; the seconds it took. Fails at `limit` (monotonic seconds)."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() < limit, "it never came back"
        time.sleep(0.02)
    return time.monotonic() - began
