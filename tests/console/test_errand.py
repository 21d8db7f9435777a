"""A process of our own does something and ends; one that doesn't is ended."""

import asyncio
import time

import psutil
import pytest

from sidecar.console.errand import errand


async def test_its_output_and_its_end_come_back():
    done = await errand("base64", "-d", content=b"aGVsbG8=", seconds=30)
    assert (done.status, done.written, done.said) == (0, b"hello", "")


async def test_its_last_words_are_kept():
    done = await errand("no_such_module_of_ours", content=b"", seconds=30)
    assert done.status
    assert "no_such_module_of_ours" in done.said


async def test_one_that_takes_too_long_is_killed():
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        await errand("timeit", "-n", "1", "-r", "1", "import time; time.sleep(60)", content=b"", seconds=0.5)
    assert time.monotonic() - began < 30
    assert not any(_sleeps(child) for child in psutil.Process().children())


async def test_nobody_waits_for_it_any_more():
    waiting = asyncio.ensure_future(
        errand("timeit", "-n", "1", "-r", "1", "import time; time.sleep(60)", content=b"", seconds=30)
    )
    while not any(_sleeps(child) for child in psutil.Process().children()):
        await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not any(_sleeps(child) for child in psutil.Process().children())


def _sleeps(process: psutil.Process) -> bool:
    return "time.sleep(60)" in " ".join(process.cmdline())
