"""One clock for all: it goes on whatever it is asked to do, and stops when told to."""

import asyncio

from sidecar.proxy.sweep import Sweep


async def test_it_ticks_until_it_is_closed():
    ticks: list[float] = []
    loop = asyncio.get_running_loop()
    sweep = Sweep(loop, 0.02, lambda: ticks.append(loop.time()))
    await asyncio.sleep(0.15)
    sweep.close()
    assert 3 <= len(ticks) <= 8
    before = len(ticks)
    await asyncio.sleep(0.06)
    assert len(ticks) == before


async def test_a_check_that_fails_is_logged_and_not_the_last(caplog):
    ticks: list[int] = []

    def check() -> None:
        ticks.append(1)
        raise ZeroDivisionError("a fault in a check")

    sweep = Sweep(asyncio.get_running_loop(), 0.01, check)
    await asyncio.sleep(0.1)
    sweep.close()
    assert len(ticks) > 2
    assert caplog.records[0].message == "a time-out check failed"
