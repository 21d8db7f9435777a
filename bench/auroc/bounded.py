"""One measurement in a process of its own, which ends with it, and is ended when it takes too long.

Networks leave things behind in a process that make the next ones ten times as slow; and some detectors take
hours on some sets. The limit is processor time, so it is the same on a machine that others use.
"""

from __future__ import annotations

import multiprocessing
import resource
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

_fork = multiprocessing.get_context("fork")  # the packages, which take seconds to import, are there already


def bounded(seconds: int, work: Callable[..., float], *arguments: Any) -> float | None:
    """What `work` finds, or None when it takes longer than so many seconds of processor time. Raises
    RuntimeError when the process ends for another reason."""
    mine, its = _fork.Pipe(duplex=False)
    process = _fork.Process(target=_work, args=(its, seconds, work, arguments))
    process.start()
    its.close()
    try:
        found: float | None = mine.recv()
    except EOFError:
        found = None
    process.join()
    if found is None and process.exitcode not in (-24, -9):  # SIGXCPU, and SIGKILL where that is ignored
        raise RuntimeError(f"{arguments[0]}: the process ended with {process.exitcode}")
    return found


def _work(answer: Connection, seconds: int, work: Callable[..., float], arguments: tuple[Any, ...]) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    answer.send(work(*arguments))
