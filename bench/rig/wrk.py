"""The load generator: wrk on one thread, closed loop, keep-alive. Counterpart: `wrk.lua`."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import msgspec

from bench.rig import installs
from bench.rig.payloads import Payload

_SCRIPT = Path(__file__).with_name("wrk.lua")


class Load(msgspec.Struct, frozen=True):
    """What wrk saw. Latencies are microseconds, with wrk's own correction for coordinated omission."""

    calls: int
    seconds: float
    p50: float
    p99: float
    p999: float
    longest: float
    errors: int
    """Failed connects, reads, writes, time-outs, and answers with a status over 399."""

    @property
    def rate(self) -> float:
        """Calls per second."""
        return self.calls / self.seconds


class Wrk:
    """Sends one payload. `bodies` is the directory that `Payload.write` filled; `core` pins it."""

    def __init__(self, payload: Payload, bodies: Path, core: int | None = None) -> None:
        self._program = installs.program("wrk")
        self._payload = payload
        self._bodies = bodies
        self._before = [] if core is None else ["taskset", "--cpu-list", str(core)]

    def argv(self, port: int, connections: int, seconds: int) -> list[str]:
        payload = self._payload
        return [
            *self._before,
            *(self._program, "--threads", "1", "--connections", str(connections), "--timeout", "10s"),
            *("--duration", f"{seconds}s", "--script", str(_SCRIPT), f"http://127.0.0.1:{port}"),
            *("--", payload.target, str(self._bodies), str(len(payload.bodies)), *payload.headers),
        ]

    def run(self, port: int, connections: int, seconds: int, pause: int = 0) -> Load:
        """Load the port for whole `seconds`; each connection waits `pause` ms before a call.

        Raises subprocess errors when wrk itself fails.
        """
        done = subprocess.run(
            self.argv(port, connections, seconds),
            check=True,
            capture_output=True,
            text=True,
            timeout=seconds + 30,
            env={**os.environ, "WRK_PAUSE_MS": str(pause)},
        )
        return result(done.stdout)


def result(output: str) -> Load:
    """Read the line that `wrk.lua` wrote."""
    line = next(line for line in output.splitlines() if line.startswith("RESULT "))
    return msgspec.convert(json.loads(line.removeprefix("RESULT ")), Load)
