"""Episodes: a model on real rows, and something happens to it, or nothing. Counted is what the verdict says
at the end, and how far the onset is off."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
from sklearn.tree import DecisionTreeRegressor

from bench.drift.data import REFERENCE, STATIONARY, adbench, draw, reference
from bench.drift.replay import BATCH, RATE
from sidecar.exchange import Matrix
from sidecar.observer.traffic import Flow, Traffic
from sidecar.observer.verdict import verdict
from sidecar.scoring.bins import Bins
from tests.observer.talk import of_rows

EPISODE_WINDOW = 500
KINDS = ("none", "skew", "sudden", "slow", "relations", "model")
EXPECTED = {
    "none": "stable",
    "skew": "skew",
    "sudden": "feature-drift",
    "slow": "feature-drift",
    "relations": "feature-drift",
    "model": "prediction-drift",
}


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
    pool = _target_first(adbench(STATIONARY[seed // len(KINDS) % len(STATIONARY)]))
    model, other = _models(pool, random)
    inputs = pool[:, 1:]
    good = 0 if kind == "skew" else int(random.integers(2, 5)) * EPISODE_WINDOW + int(random.integers(100))
    rows = draw(inputs, good + 8 * EPISODE_WINDOW, random)
    after = np.arange(len(rows)) >= good
    if kind == "slow":
        length = random.integers(2, 5) * EPISODE_WINDOW
        after = random.random(len(rows)) < np.clip((np.arange(len(rows)) - good) / length, 0.0, 1.0)
    if kind in ("skew", "sudden", "slow"):
        rows = np.where(after[:, None], _drifted(rows, random), rows)
    if kind == "relations":
        rows = np.where(after[:, None], _mixed_up(rows, random), rows)
    answers = model.predict(rows)
    if kind == "model":
        answers = np.where(after, other.predict(rows), answers)
    traffic = Traffic(EPISODE_WINDOW, 3600.0)
    known = draw(inputs, REFERENCE, random)
    fields = reference(known)
    traffic.adopt(fields, "bench", Bins(fields).within(known))
    for start in range(0, len(rows), BATCH):
        part, said = rows[start : start + BATCH], answers[start : start + BATCH]
        body = f'{{"predictions": {said.tolist()}}}'.encode()
        traffic.update([of_rows(start, part, "bench", response_body=body)], (start + len(part)) / RATE)
    (flow,) = traffic.flows.values()
    return _outcome(flow, good)


def _outcome(flow: Flow, good: int) -> Outcome:
    found = verdict(flow)
    test = {"output": flow.output_drift, "relation": flow.relations}.get(found.part, flow.drift)
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


def _mixed_up(rows: Matrix, random: np.random.Generator) -> Matrix:
    """Two of the features come from other rows, as after a wrong join; each alone looks as it did."""
    mixed = rows.copy()
    for feature in random.choice(rows.shape[1], size=2, replace=False):
        mixed[:, feature] = random.permutation(mixed[:, feature])
    return mixed


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
