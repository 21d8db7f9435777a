"""Stationary replays: rows drawn at random, reference and stream of one law."""

from __future__ import annotations

import time

import numpy as np
from scipy import stats

from bench.drift.data import REFERENCE, draw, reference
from bench.drift.replay import WINDOW, Replay
from bench.drift.rules import rules
from sidecar.exchange import Matrix
from sidecar.observer.drift import WINDOWS_PER_FALSE_ALARM


def stationary(pools: dict[str, Matrix], seconds: float) -> None:
    """Replay until the time is over. The rules in common use get a tenth of it, they need few windows."""
    print(f"\nStationary replays: windows of {WINDOW:,} rows with an alarm, nothing having moved\n")
    print(
        f"{'data':16}{'features':>9}{'windows':>9}{'alarms':>8}{'realised':>10}{'95 % below':>12}  promised"
    )
    windows = alarms = 0
    for i, (name, pool) in enumerate(pools.items()):
        w, a = _quiet(pool, 0.9 * seconds / len(pools), i)
        windows, alarms = windows + w, alarms + a
        _line(name, pool.shape[1], w, a)
    _line("all", "", windows, alarms)
    print(f"\n{'rule, any feature':28}{'promised':>18}{'realised':>10}")
    for rule, (promised, share) in rules(pools, 0.1 * seconds).items():
        print(f"{rule:28}{promised:>18}{share:>10.1%}")


def _line(name: str, features: int | str, windows: int, alarms: int) -> None:
    bound = stats.beta.ppf(0.95, alarms + 1, windows - alarms) if windows > alarms else 1.0
    share = alarms / max(1, windows)
    numbers = f"{share:>10.4%}{bound:>12.3%}{1 / WINDOWS_PER_FALSE_ALARM:>10.2%}"
    print(f"{name:16}{features:>9}{windows:>9}{alarms:>8}{numbers}")


def _quiet(pool: Matrix, seconds: float, seed: int) -> tuple[int, int]:
    """Windows seen and alarms raised; each replay is 20 windows against a reference of its own."""
    random = np.random.default_rng(seed)
    windows = alarms = 0
    until = time.process_time() + seconds
    while time.process_time() < until:
        replay = Replay(reference(draw(pool, REFERENCE, random)))
        for _ in range(20):
            windows += 1
            if replay.until_alarm(draw(pool, WINDOW, random)) is not None:
                alarms += 1
                break
            if time.process_time() > until:
                break
    return windows, alarms
