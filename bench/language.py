"""Does the first token of a language model come later through the sidecar, and do the others?

    python -m bench.language [--calls 300]

`examples.language` streams answers, asked in turn with and without a sidecar on kept-alive connections, by a
bare HTTP client that reads event by event. The sidecar scores prompts by a baseline of its own learning. What
counts is the median, over calls, of the difference between a call and its twin. The promise: the first token
within 1 ms.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bench.rig.processes import stops_on_signals
from examples import launch
from examples.processes import Process, free_port, python

PROMISE = 1e-3
TOPICS = ("the weather in spring", "how bread is baked", "trains between cities", "a walk in the hills")


class Asking:
    """One kept-alive connection."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(address, timeout=30)
        self.verdict = ""

    def ask(self, number: int) -> tuple[float, float, bytes]:
        """Seconds to the first event, to the end, and all of the answer."""
        question = f"please tell me something about {TOPICS[number % 4]} number {number}"
        body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": question}]}
        began = time.perf_counter()
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        answer = self._connection.getresponse()
        said = answer.readline()
        first = time.perf_counter() - began
        said += answer.read()
        self.verdict = answer.headers.get("x-anomaly-verdict", "")
        return first, time.perf_counter() - began, said

    def knows(self, number: int) -> bool:
        """Whether questions are scored by now."""
        self.ask(number)
        return not self.verdict.startswith("learning")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--calls", type=int, default=300)
    arguments = parser.parse_args()
    port = free_port()
    with stops_on_signals(), tempfile.TemporaryDirectory(prefix="sidecar-language-") as place:
        command = python("examples.language", "--listen", f"127.0.0.1:{port}", "--token-ms", "2")
        with Process("language", command, Path(place)) as process:
            process.wait_for(f"http://127.0.0.1:{port}/health")
            flags = ("--learn-rows", "200", "--trace-ratio", "0")
            with launch.sidecar(f"http://127.0.0.1:{port}", Path(place), flags) as sidecar:
                direct, through = Asking(f"127.0.0.1:{port}"), Asking(sidecar.url.removeprefix("http://"))
                numbers = itertools.count()
                sidecar.process.wait_until(lambda: through.knows(next(numbers)), 90)
                return _compare(direct, through, arguments.calls)


def _compare(direct: Asking, through: Asking, calls: int) -> int:
    first, whole = [], []
    for number in range(calls):
        sides = (direct, through) if number % 2 else (through, direct)
        told = {side: side.ask(number) for side in sides}
        assert told[direct][2] == told[through][2], "another answer"
        first.append(told[through][0] - told[direct][0])
        whole.append(told[through][1] - told[direct][1])
    for name, found in (("first token", first), ("whole answer", whole)):
        middle, high = statistics.median(found) * 1e3, sorted(found)[int(0.95 * len(found))] * 1e3
        print(f"{name}: later by {middle:.3f} ms in the median, {high:.3f} ms in the 95th percentile")
    kept = statistics.median(first) <= PROMISE
    print("the promise is kept" if kept else "the promise is not kept")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
