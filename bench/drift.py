"""Drift alarms on real data: how often they are false, how late they come, and whether they are called right.

    python -m bench.drift [--quick] [--seconds 600] [--episodes 200] [--elec elec.csv.gz]

* Stationary replays: rows drawn at random from ADBench sets (and from elec, where its file is given),
  reference and stream from the same rows. Realised false alarms stand beside promised ones, and beside rules
  in common use, a rule that never alarms and one that always does.
* Delays: rows until the alarm, for a shift of one of 50 features by 0.3 and by 1 standard deviation, and for
  a unit that changes by a factor of 100.
* Episodes: a model on real rows; nothing happens, or skew, sudden and slow feature drift, or another model.
  Counted is what the verdict says at the end, and how far the onset is off.

All of it goes through the observer's own code, with its default rules and a window of 1,000 rows (500 in
episodes). `--quick` takes less than a minute.
"""

from __future__ import annotations

import argparse
import gzip
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import stats
from sklearn.tree import DecisionTreeRegressor

from sidecar.baseline.reference import describe
from sidecar.exchange import Matrix
from sidecar.features import Field, Schema
from sidecar.observer.axes import Fields
from sidecar.observer.drift import WINDOWS_PER_FALSE_ALARM, Detector
from sidecar.observer.statistics import compare
from sidecar.observer.traffic import TESTS, Flow, Traffic
from sidecar.observer.verdict import verdict
from sidecar.scoring.bins import Bins, Counts, ReferenceField
from tests.observer.talk import of_rows

SETS = Path(__file__).parent.parent / "tests" / "data" / "adbench"
STATIONARY = ("6_cardio", "23_mammography", "28_pendigits", "31_satimage-2", "32_shuttle")
REFERENCE, WINDOW, BATCH = 2_000, 1_000, 25
RATE = 50.0
"""Rows a second of the simulated clock. Fifty features are looked at five times a second at most, so at ten
times this rate a delay is a fifth of a second, which is then a hundred rows."""

EPISODE_WINDOW = 500
KINDS = ("none", "skew", "sudden", "slow", "model")
EXPECTED = {
    "none": "stable",
    "skew": "skew",
    "sudden": "feature-drift",
    "slow": "feature-drift",
    "model": "prediction-drift",
}


def main() -> None:
    options = _arguments()
    seconds, episodes = (12.0, 30) if options.quick else (options.seconds, options.episodes)
    delays = 5 if options.quick else 25
    pools = {name: _adbench(name) for name in STATIONARY} | (
        {"elec": _elec(options.elec)} if options.elec else {}
    )
    stationary(pools, seconds)
    detection(delays)
    told_apart(episodes)


# -- data ----------------------------------------------------------------------------------------------


def _adbench(name: str) -> Matrix:
    """The clean rows of a set, shuffled."""
    with np.load(SETS / f"{name}.npz") as file:
        clean: Matrix = file["X"][file["y"] == 0].astype(np.float64)
    return np.random.default_rng(0).permutation(clean)


def _elec(file: Path) -> Matrix:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows: Matrix = np.genfromtxt(lines, delimiter=",", skip_header=1)
    return rows[:, ~np.isnan(rows).all(axis=0)]


def _draw(pool: Matrix, rows: int, random: np.random.Generator) -> Matrix:
    """Independent draws, so that reference and stream have exactly the same law."""
    drawn: Matrix = pool[random.integers(len(pool), size=rows)]
    return drawn


def _reference(rows: Matrix) -> Fields:
    return describe(rows, Schema(tuple(Field(f"f{i}", "number") for i in range(rows.shape[1]))))


class Replay:
    """A stream into one detector, as the observer feeds it."""

    def __init__(self, fields: Fields) -> None:
        self.detector = Detector(fields, WINDOW, TESTS)
        self.bins = Bins(fields)
        self.counts = np.zeros(self.bins.size, dtype=np.int64)
        self.rows = 0

    def until_alarm(self, rows: Matrix, batch: int = BATCH) -> int | None:
        """Rows until an alarm; None when there's none."""
        for start in range(0, len(rows), batch):
            part = rows[start : start + batch]
            self.rows += len(part)
            self.counts = self.counts + self.bins.counts(part)
            self.detector.update(self.rows, self.counts, self.rows / RATE)
            if self.detector.alarm is not None:
                return start + len(part)
        return None


# -- false alarms --------------------------------------------------------------------------------------

Rule = Callable[[dict[str, Any], int], bool]

RULES: dict[str, tuple[str, Rule]] = {
    "KS, p < 0.05": ("5 % per feature", lambda s, k: s["kolmogorov_smirnov"].p < 0.05),
    "KS, p < 0.05 / features": ("5 %", lambda s, k: s["kolmogorov_smirnov"].p < 0.05 / k),
    "PSI > 0.1": ("none", lambda s, k: s["psi"] > 0.1),
    "Wasserstein / sigma > 0.1": ("none", lambda s, k: s["wasserstein"].effect > 0.1),
    "never": ("0", lambda s, k: False),
    "always": ("100 %", lambda s, k: True),
}
"""Rules for one window and feature, with what each promises for a window; any feature is an alarm."""


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
    for rule, (promised, share) in _rules(pools, 0.1 * seconds).items():
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
        replay = Replay(_reference(_draw(pool, REFERENCE, random)))
        for _ in range(20):
            windows += 1
            if replay.until_alarm(_draw(pool, WINDOW, random)) is not None:
                alarms += 1
                break
            if time.process_time() > until:
                break
    return windows, alarms


def _rules(pools: dict[str, Matrix], seconds: float) -> dict[str, tuple[str, float]]:
    random = np.random.default_rng(9)
    alarms: Counter[str] = Counter()
    windows, until = 0, time.process_time() + seconds
    while time.process_time() < until:
        for pool in pools.values():
            fields = _reference(_draw(pool, REFERENCE, random))
            rows = _draw(pool, WINDOW, random)
            found = list(_compared(fields, rows))
            alarms.update(
                rule for rule, (_, test) in RULES.items() if any(test(s, len(found)) for s in found)
            )
            windows += 1
    return {rule: (promised, alarms[rule] / windows) for rule, (promised, _) in RULES.items()}


def _compared(fields: Fields, rows: Matrix) -> Iterator[dict[str, Any]]:
    """What the rules look at, for each feature."""
    bins = Bins(fields)
    counts = bins.counts(rows)
    for i, (field, where) in enumerate(zip(fields, bins.slices, strict=True)):
        statistics = compare(field, counts[where], rows[:, i])
        yield {**statistics, "psi": _psi(field, counts[where])}


def _psi(field: ReferenceField, counts: Counts) -> float:
    """PSI as it's commonly worked out: in ten bins (two of ours each), 0.0001 in place of an empty one."""
    shares = (np.array(field.probabilities[1:-2]), counts[1:-2] / counts.sum())
    p, q = (np.add.reduceat(one, np.arange(0, len(one), 2)) for one in shares)
    p, q = np.maximum(p, 1e-4), np.maximum(q, 1e-4)
    return float(((q - p) * np.log(q / p)).sum())


# -- delays --------------------------------------------------------------------------------------------


class Move(NamedTuple):
    """A change of one feature, and the rows within which it should be found (median)."""

    name: str
    target: int
    of: Callable[[Any], Any]


MOVES = (
    Move("0.3 sigma", 1_000, lambda x: x + 0.3 * x.std()),
    Move("1 sigma", 150, lambda x: x + x.std()),
    Move("unit x 100", 20, lambda x: x * 100.0),
)


def detection(episodes: int) -> None:
    """Delays in one of 50 features: real ones, and normal ones, which are harder as they have no ties."""
    print("\nRows until the alarm, one of 50 features moved after 500 rows\n")
    print(
        f"{'data':22}{'move':14}{'episodes':>9}{'median':>8}{'90 %':>8}{'missed':>8}{'false':>7}{'wanted':>8}"
    )
    random = np.random.default_rng(5)
    real = np.hstack([_draw(_adbench(name), 6_000, random) for name in ("31_satimage-2", "28_pendigits")])[
        :, :50
    ]
    for name, pool in (("satimage + pendigits", real), ("normal", random.normal(size=(6_000, 50)))):
        for move in MOVES:
            found = [_delay(pool, move, random) for _ in range(episodes)]
            delays = sorted(np.inf if one is None else one for one in found if one != -1)
            missed, false = found.count(None), found.count(-1)
            print(
                f"{name:22}{move.name:14}{episodes:>9}{np.median(delays):>8.0f}"
                f"{np.quantile(delays, 0.9, method='higher'):>8.0f}{missed:>8}{false:>7}{move.target:>8}"
            )


def _delay(pool: Matrix, move: Move, random: np.random.Generator) -> int | None:
    """Rows until the alarm; None: not within 5,000; -1: before anything moved."""
    replay = Replay(_reference(_draw(pool, REFERENCE, random)))
    if replay.until_alarm(_draw(pool, 500, random)) is not None:
        return -1
    rows = _draw(pool, 5_000, random)
    feature = int(random.integers(rows.shape[1]))
    rows[:, feature] = move.of(rows[:, feature])
    return replay.until_alarm(rows, 5)


# -- episodes ------------------------------------------------------------------------------------------


class Outcome(NamedTuple):
    """What was said at the end of an episode."""

    verdict: str
    pace: str
    onset_off: float
    """Rows between the onset and its estimate."""


def told_apart(episodes: int) -> None:
    """The confusion table."""
    print(f"\nEpisodes: what the verdict was ({episodes} of them, windows of {EPISODE_WINDOW} rows)\n")
    found: dict[str, list[Outcome]] = {kind: [] for kind in KINDS}
    for i in range(episodes):
        kind = KINDS[i % len(KINDS)]
        found[kind].append(_episode(kind, i))
    names = ("stable", "skew", "feature-drift", "prediction-drift")
    print(
        f"{'':10}"
        + "".join(f"{name:>18}" for name in names)
        + f"{'sudden/slow/unsure':>20}{'onset off: median, most':>25}"
    )
    for kind, outcomes in found.items():
        said, paces = Counter(o.verdict for o in outcomes), Counter(o.pace for o in outcomes)
        off = [o.onset_off for o in outcomes if np.isfinite(o.onset_off)] or [0.0]
        print(
            f"{kind:10}"
            + "".join(f"{said[name]:>18}" for name in names)
            + f"{paces['sudden']:>12}/{paces['slow']}/{paces['unsure']}"
            + f"{np.median(off):>19.0f}{max(off):>10.0f}"
        )
    right = sum(o.verdict == EXPECTED[kind] for kind, outcomes in found.items() for o in outcomes)
    moved = [o for kind, outcomes in found.items() if kind != "none" for o in outcomes]
    close = sum(o.onset_off <= EPISODE_WINDOW for o in moved)
    print(f"\n{right / episodes:.1%} right verdicts (wanted: 95 %)")
    print(f"onset within one window: {close} of {len(moved)} that moved")


def _episode(kind: str, seed: int) -> Outcome:
    """One stream through all that the observer does with records."""
    random = np.random.default_rng(1_000 + seed)
    pool = _target_first(_adbench(STATIONARY[seed // len(KINDS) % len(STATIONARY)]))
    model, other = _models(pool, random)
    inputs = pool[:, 1:]
    good = 0 if kind == "skew" else int(random.integers(2, 5)) * EPISODE_WINDOW + int(random.integers(100))
    rows = _draw(inputs, good + 8 * EPISODE_WINDOW, random)
    after = np.arange(len(rows)) >= good
    if kind == "slow":
        length = random.integers(2, 5) * EPISODE_WINDOW
        after = random.random(len(rows)) < np.clip((np.arange(len(rows)) - good) / length, 0.0, 1.0)
    if kind in ("skew", "sudden", "slow"):
        rows = np.where(after[:, None], _drifted(rows, random), rows)
    answers = model.predict(rows)
    if kind == "model":
        answers = np.where(after, other.predict(rows), answers)
    traffic = Traffic(EPISODE_WINDOW, 3600.0)
    traffic.adopt(_reference(_draw(inputs, REFERENCE, random)), "bench")
    for start in range(0, len(rows), BATCH):
        part, said = rows[start : start + BATCH], answers[start : start + BATCH]
        body = f'{{"predictions": {said.tolist()}}}'.encode()
        traffic.update([of_rows(start, part, "bench", response_body=body)], (start + len(part)) / RATE)
    (flow,) = traffic.flows.values()
    return _outcome(flow, good)


def _outcome(flow: Flow, good: int) -> Outcome:
    found = verdict(flow)
    test = flow.output_drift if found.name == "prediction-drift" else flow.drift
    pace = test.alarm.pace if test is not None and test.alarm is not None else ""
    return Outcome(found.name, pace, abs(found.since * RATE - good) if found.subject else np.inf)


def _target_first(pool: Matrix) -> Matrix:
    """The set with the column of most values ahead, which the models will predict."""
    target = max(range(pool.shape[1]), key=lambda i: len(np.unique(pool[:, i])))
    return np.hstack((pool[:, target : target + 1], np.delete(pool, target, axis=1)))


def _models(pool: Matrix, random: np.random.Generator) -> tuple[Any, Any]:
    """A model of the first column, and one trained on a biased part: the upper 70 % of that column."""
    X, y = pool[:, 1:], pool[:, 0]
    train = random.permutation(len(X))[:1_000]
    biased = train[y[train] > np.quantile(y[train], 0.3)]
    tree = {"max_depth": 6, "min_samples_leaf": 5, "random_state": 0}
    return tuple(DecisionTreeRegressor(**tree).fit(X[rows], y[rows]) for rows in (train, biased))


def _drifted(rows: Matrix, random: np.random.Generator) -> Matrix:
    """Some features shifted or spread, by half a standard deviation or more."""
    moved = rows.copy()
    for feature in random.choice(rows.shape[1], size=random.integers(1, 4), replace=False):
        x = moved[:, feature]
        size = random.uniform(0.5, 2.0)
        moved[:, feature] = (
            x + size * x.std() if random.random() < 0.7 else x.mean() + (1 + size) * (x - x.mean())
        )
    return moved


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Drift alarms on real data.")
    parser.add_argument("--quick", action="store_true", help="less than a minute")
    parser.add_argument(
        "--seconds", type=float, default=600.0, help="for stationary replays [default: %(default)s]"
    )
    parser.add_argument("--episodes", type=int, default=200, help="[default: %(default)s]")
    parser.add_argument("--elec", type=Path, help="elec.csv.gz (Harries 1999), to be shuffled")
    return parser.parse_args()


if __name__ == "__main__":
    main()
