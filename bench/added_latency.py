"""Does scoring add latency? The same calls with and without it, in turn, to a model that takes 5 ms.

    python -m bench.added_latency [--takes-ms 5] [--rounds 400] [--at-most 0.05]

In every round three sides answer: the model itself, a sidecar that looks at no body (`max-scored-bytes 1`,
so every call is `unscored`), and a sidecar that scores. Prints the medians; the exit status is 1 when
the scored median is more than `--at-most` (a share) over the unscored one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from examples import launch
from examples.flight import Rows, flight
from examples.traffic import Caller, interleaved

SIDES: dict[str, frozenset[str]] = {
    "model alone": frozenset({""}),
    "sidecar, not scoring": frozenset({"unscored"}),
    "sidecar, scoring": frozenset({"normal", "outlier"}),
}
"""Who answers, and the verdicts that its answers must carry: proof that each does what it is called."""


def main() -> int:
    options = _arguments()
    data = flight()
    with ExitStack() as ends:
        home = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="sidecar-bench-")))
        model = ends.enter_context(launch.model(home, options.takes_ms))
        baseline = ["--baseline", str(launch.fit(data, home))]
        idle = ends.enter_context(
            launch.sidecar(model.url, _room(home, "idle"), [*baseline, "--max-scored-bytes", "1"])
        )
        busy = ends.enter_context(launch.sidecar(model.url, _room(home, "busy"), baseline))
        callers = [ends.enter_context(Caller(server.url)) for server in (model, idle, busy)]
        medians = interleaved(
            [_side(name, caller, data.clean) for name, caller in zip(SIDES, callers, strict=True)],
            options.rounds,
        )
    return _report(dict(zip(SIDES, medians, strict=True)), options.at_most)


def _side(name: str, caller: Caller, rows: Rows) -> Callable[[int], float]:
    """One side as a function of the round. Raises AssertionError for an answer that this side can't give."""

    def seconds(i: int) -> float:
        answer = caller.infer(rows[i % len(rows), None])
        assert answer.status == 200, answer
        assert answer.verdict in SIDES[name], (name, answer)
        return answer.seconds

    for i in range(50):
        seconds(-1 - i)  # warm: first calls import, connect and allocate
    return seconds


def _report(medians: Mapping[str, float], at_most: float) -> int:
    alone, unscored, scored = medians.values()
    print(f"{'':24}{'p50, us':>9}{'added, us':>11}")
    for name, median in medians.items():
        print(f"{name:24}{median * 1e6:9.0f}{(median - alone) * 1e6:11.0f}")
    share = scored / unscored - 1
    print(f"scoring changes the median by {share:+.2%} (at most {at_most:+.0%} is wanted)")
    return 0 if share <= at_most else 1


def _room(home: Path, name: str) -> Path:
    room = home / name
    room.mkdir()
    return room


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.added_latency", description=__doc__.partition("\n")[0]
    )
    parser.add_argument(
        "--takes-ms", type=float, default=5.0, help="least time of the model's answer (%(default)s)"
    )
    parser.add_argument("--rounds", type=int, default=400, help="calls to each side (%(default)s)")
    parser.add_argument(
        "--at-most", type=float, default=0.05, help="share that scoring may add (%(default)s)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
