"""What one call costs the data plane, without a socket: its own protocols, fed by hand.

    python -m bench.one_call [--calls 3000] [--rounds 7]

A caller's request goes into `Downstream`, the model's answer into `Upstream`, and what they write is dropped.
So nothing here is the kernel's, and processor time of the best round moves far less than that of a server
under load. To compare two builds, run both in turn.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop

from bench.rig.payloads import one_row
from bench.rig.peers import fit
from sidecar.compiled import COMPILED
from sidecar.native import NATIVE
from sidecar.policy import handing
from sidecar.policy.checking import check_text
from sidecar.proxy.address import upstream as address
from sidecar.proxy.judging import Judge
from sidecar.proxy.listener import Downstream
from sidecar.proxy.plane import Plane
from sidecar.proxy.telling import Teller
from sidecar.proxy.upstream import Pool, Upstream
from sidecar.scoring.baseline import load
from sidecar.settings import Settings
from sidecar.tracing.context import propagation

MODEL = "http://127.0.0.1:1"

TEN_RULES = str(Path(__file__).parent / "rig" / "config" / "ten-rules.yaml")

SETTINGS: dict[str, dict[str, Any]] = {
    "pass-through": {"max_scored_bytes": 0, "trace_ratio": 0.0},
    "scoring": {"trace_ratio": 0.0},
    "captured": {"trace_ratio": 0.01, "capture": "/nonexistent", "capture_rate": 0.1},
    "policies": {"trace_ratio": 0.01, "capture": "/nonexistent", "capture_rate": 0.1, "policy": TEN_RULES},
    "everything": {"trace_ratio": 0.01, "capture": "/nonexistent"},
}
"""As `bench/proxy` has them; a capture's files are the observer's business, so none is written."""


class Sink(asyncio.Transport):
    """Takes whatever is written and forgets it."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        pass

    def writelines(self, pieces: Any) -> None:
        pass

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def close(self) -> None:
        pass


class Line:
    """One caller, one connection to the model, and the plane between them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, settings: Settings, baseline: Path) -> None:
        scored = load(baseline) if settings.max_scored_bytes else None
        pool = Pool(address(MODEL), 1.0, None, "")
        judge = Judge(loop, settings.threshold, settings.codec, scored)
        teller = Teller(loop, "/nonexistent", settings.queue_bytes, lambda order: None)
        self.plane = Plane(settings, loop, pool, judge, teller, propagation(settings))
        teller.connection_made(Sink())
        if settings.policy:
            self._go_by(Path(settings.policy))
        self.up, self.down = Upstream(pool), Downstream(self.plane)
        self.up.connection_made(Sink())
        self.down.connection_made(Sink())
        pool.give_back(self.up)
        payload = one_row()
        head = f"POST {payload.target} HTTP/1.1\r\nHost: model:8080\r\nContent-Type: application/json\r\n"
        self.requests = [
            f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in payload.bodies
        ]
        said = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        self.answer = f"{said}Content-Length: {len(payload.reply)}\r\n\r\n".encode() + payload.reply

    def _go_by(self, policy: Path) -> None:
        """Put a policy in force, as the process that checks them would."""
        checked = check_text(policy.read_text())
        assert checked.policies is not None, checked.wrong
        with tempfile.TemporaryDirectory() as run_dir:
            handing.write(Path(run_dir), handing.IN_FORCE, checked.policies)
            self.plane.policing.look(Path(run_dir), "caller")
        self.plane.policed()

    def call(self, times: int) -> None:
        for number in range(times):
            self.down.data_received(self.requests[number % len(self.requests)])
            self.plane.judge.flush()
            self.up.data_received(self.answer)


async def measure(name: str, baseline: Path, calls: int, rounds: int) -> float:
    """Microseconds of processor time for one call, of the best round."""
    line = Line(asyncio.get_running_loop(), Settings(upstream=MODEL, **SETTINGS[name]), baseline)
    line.call(256)  # heads are known, and the interpreter has specialised its code
    gc.collect()
    gc.disable()
    took = []
    for _ in range(rounds):
        began = time.process_time()
        line.call(calls)
        took.append(time.process_time() - began)
        await asyncio.sleep(0)
    gc.enable()
    return min(took) / calls * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.one_call")
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    print(f"one row in {'C' if NATIVE else 'Python'}, hot modules {'compiled' if COMPILED else 'in Python'}")
    with tempfile.TemporaryDirectory() as place, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        baseline = fit(Path(place))
        for name in SETTINGS:
            took = runner.run(measure(name, baseline, args.calls, args.rounds))
            print(f"{name:<14}{took:>8.1f} us")


if __name__ == "__main__":
    main()
