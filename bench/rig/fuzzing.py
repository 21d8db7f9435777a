"""How the fuzzers run: batches of examples from Hypothesis, each batch with a seed of its own.

Used by `bench.fuzz_proxy` and `bench.fuzz_grpc`. A target says what an example is and tries one; a finding
is shrunk by Hypothesis and printed with the seed of its batch.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from typing import Any

import uvloop
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from sidecar.exchange import Record
from tests.proxy.dialogue import Stage, sidecar

BATCH = 500
"""Examples of one seed. Then another seed, so that a long run does not dwell on one idea."""


class Target:
    """One sidecar that lives as long as the run, so that what one example spoils shows in the next."""

    strategy: st.SearchStrategy[Any]

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self._ends = AsyncExitStack()
        self._told = 0

    async def start(self, **how: Any) -> None:
        self.stage: Stage = await self._ends.enter_async_context(sidecar(**how))

    async def stop(self) -> None:
        await self._ends.aclose()

    async def try_(self, example: Any) -> None:
        """Raises AssertionError for a finding."""
        raise NotImplementedError

    async def settled(self) -> list[Record]:
        """The records of the calls since the last time, when none is left."""
        plane, observer = self.stage.plane, self.stage.observer
        await self.stage.until(
            lambda: not (plane.clients or plane.grpc_clients or plane.in_flight), "the calls to end"
        )
        records = list(await self.stage.records(plane.calls - self._told))
        self._told += len(records)
        observer.records.clear()
        observer.batches.clear()
        self.stage.faults.check(0)
        return records


def fuzz(target: Target, name: str, examples: int, first_seed: int, minutes: float = 0.0) -> Counter[str]:
    """Try `examples` examples, or as many as `minutes` allow. Returns what was seen; raises on a finding,
    with the smallest example that shows it."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(target.start())
        try:
            ends = time.monotonic() + 60 * minutes
            number = first_seed
            while True:
                _batch(target, runner.run, min(BATCH, examples) if not minutes else BATCH, number)
                number += 1
                examples -= BATCH
                if (minutes and time.monotonic() > ends) or (not minutes and examples <= 0):
                    break
                if minutes:
                    _progress(name, target.seen, ends)
        finally:
            runner.run(target.stop())
    target.seen["batches"] = number - first_seed
    return target.seen


def _batch(
    target: Target, run: Callable[[Coroutine[Any, Any, None]], None], examples: int, number: int
) -> None:
    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
        print_blob=False,
        report_multiple_bugs=False,
    )
    @given(target.strategy)
    def tried(example: Any) -> None:
        target.seen["tried"] += 1
        run(_tried(target, example))

    try:
        tried()
    except BaseException as found:
        found.add_note(f"in the batch with seed {number}")
        raise


async def _tried(target: Target, example: Any) -> None:
    try:
        await target.try_(example)
    except BaseException:
        with contextlib.suppress(AssertionError):  # so that the next example finds nothing of this one
            await target.settled()
        raise


def _progress(name: str, seen: Counter[str], ends: float) -> None:
    left = max(0.0, ends - time.monotonic()) / 60
    print(
        f"\r{name}: {dict(sorted(seen.items()))}, {left:.1f} minutes left ",
        end="",
        file=sys.stderr,
        flush=True,
    )


def command(doc: str, targets: Mapping[str, Callable[[], Target]]) -> None:
    """The command line of a fuzzer."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20.0, help="in all, shared by the targets")
    parser.add_argument("--seed", type=int, default=1, help="of the first batch")
    arguments = parser.parse_args()
    for name, target in targets.items():
        seen = fuzz(target(), name, 0, arguments.seed, arguments.minutes / len(targets))
        print(f"\n{name}: nothing found in {seen['tried']} streams; seen {dict(sorted(seen.items()))}")
