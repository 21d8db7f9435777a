"""How long after it is saved does a policy hold, under load, and does a call fail meanwhile?

    python -m bench.policy_reload [--reloads 100] [--connections 16]

A model, a sidecar and callers that never pause, all on this machine. A policy file is saved again and
again, every second time with a mistake in it. A good one is answered for by the first answer that names its
rule; a bad one must be refused while the last good one goes on to hold. Any answer other than 200, and any
that names no rule of these policies, is a failure.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import statistics
import tempfile
import time
from pathlib import Path

from examples import launch
from sidecar.policy import handing

TENSOR = {"name": "x", "shape": [1, 8], "datatype": "FP64", "data": [float(i) for i in range(8)]}
BODY = json.dumps({"inputs": [TENSOR]}).encode()
HEAD = b"POST /v2/models/flight/infer HTTP/1.1\r\nHost: m\r\nContent-Type: application/json\r\n"
RULE = re.compile(rb'x-policy-action: tag; rule="p/r(\d+)"')
PATIENCE = 20.0


def policy(number: int) -> str:
    others = "".join(
        f"  - {{name: q{i}, when: 'p < 0.{i}1 && rows > 5', action: tag}}\n" for i in range(1, 10)
    )
    first = f"  - {{name: r{number}, action: tag}}\n"
    return f"apiVersion: sidecar/v1\nkind: Policy\nname: p\nrules:\n{first}{others}"


class Load:
    """Callers that never pause, and what they have seen."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.calls = self.failed = 0
        self.seen: dict[int, float] = {}
        """Number of a policy's rule -> when an answer first named it."""

    async def keep_calling(self) -> None:
        request = HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            while True:
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: (\d+)", head)
                await reader.readexactly(int(length[1]) if length else 0)
                self.calls += 1
                named = RULE.search(head)
                if not head.startswith(b"HTTP/1.1 200") or named is None:
                    self.failed += 1
                else:
                    self.seen.setdefault(int(named[1]), time.monotonic())
        finally:
            writer.close()

    async def until(self, condition) -> None:
        limit = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < limit, "waited in vain"
            await asyncio.sleep(0.01)


async def measure(sidecar: launch.Server, file: Path, run_dir: Path, reloads: int, connections: int) -> dict:
    host, _, port = sidecar.url.removeprefix("http://").partition(":")
    load = Load(host, int(port))
    callers = [asyncio.ensure_future(load.keep_calling()) for _ in range(connections)]
    took, wrong = [], 0
    began = time.monotonic()
    for number in range(1, reloads // 2 + 1):
        refused = handing.status(run_dir).refused
        file.write_text(policy(number).replace("action", "actoin", 1))
        await load.until(lambda refused=refused: handing.status(run_dir).refused > refused)
        wrong += number in load.seen
        part = file.with_suffix(".part")
        part.write_text(policy(number))
        saved = time.monotonic()
        part.replace(file)
        await load.until(lambda number=number: number in load.seen)
        took.append(load.seen[number] - saved)
    seconds = time.monotonic() - began
    broken = [one for one in callers if one.done()]
    for one in callers:
        one.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    took.sort()
    return {
        "good": len(took),
        "bad": handing.status(run_dir).refused,
        "bad in force": wrong,
        "median_seconds": round(statistics.median(took), 3),
        "p95_seconds": round(took[int(len(took) * 0.95)], 3),
        "most_seconds": round(took[-1], 3),
        "calls": load.calls,
        "calls_per_second": round(load.calls / seconds),
        "failed": load.failed + len(broken),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--reloads", type=int, default=100)
    parser.add_argument("--connections", type=int, default=16)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        directory = Path(made)
        file, run_dir = directory / "policy.yaml", directory / "run"
        file.write_text(policy(0))
        flags = ["--policy", str(file), "--run-dir", str(run_dir)]
        with launch.model(directory) as model, launch.sidecar(model.url, directory, flags) as sidecar:
            found = asyncio.run(measure(sidecar, file, run_dir, asked.reloads, asked.connections))
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
