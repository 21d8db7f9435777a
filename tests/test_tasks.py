"""Background tasks: held while they run, ended with their owner, and never silent about an error."""

import asyncio
import gc
import logging
import os
import subprocess
import sys
import textwrap
import time

from sidecar.tasks import Tasks


async def test_a_task_is_held_while_it_runs():
    tasks, done = Tasks(), asyncio.Event()

    async def work() -> None:
        await asyncio.sleep(0.01)
        done.set()

    tasks.start("work", work())
    gc.collect()  # a task that nobody holds could vanish here
    await asyncio.wait_for(done.wait(), 1)


async def test_an_error_is_logged_under_the_name_of_its_task(caplog):
    tasks = Tasks()

    async def work() -> None:
        raise ValueError("planted")

    with caplog.at_level(logging.ERROR):
        await asyncio.wait([tasks.start("counting", work())])
        await asyncio.sleep(0)
    [record] = caplog.records
    assert record.getMessage() == "background task failed: counting"
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "planted"


async def test_close_cancels_what_runs_and_waits_for_it(caplog):
    tasks, ended = Tasks(), []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            ended.append(True)

    running = tasks.start("work", work())
    await asyncio.sleep(0)
    await tasks.close()
    assert ended == [True]
    assert running.cancelled()
    assert not caplog.records, "being cancelled is no error"


async def test_close_with_nothing_running():
    await Tasks().close()


def test_who_steps_aside_lets_another_run_on_the_same_core():
    """Two processes on one core: one that steps aside after each unit of work leaves it to the other."""
    core = {min(os.sched_getaffinity(0))}
    script = textwrap.dedent(
        """
        import os, sys, time
        from sidecar.tasks import step_aside
        os.sched_setaffinity(0, {int(sys.argv[1])})
        polite, ends = sys.argv[2] == "polite", float(sys.argv[3])
        units = 0
        while time.time() < ends:
            for _ in range(200):
                pass
            units += 1
            if polite:
                step_aside()
        print(time.process_time())
        """
    )
    ends = str(time.time() + 1.5)
    both = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(*core), manners, ends], stdout=subprocess.PIPE, text=True
        )
        for manners in ("polite", "busy")
    ]
    polite, busy = (float(one.communicate()[0]) for one in both)
    assert polite < busy / 2, (polite, busy)
