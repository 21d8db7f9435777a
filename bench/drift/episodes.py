"""Episodes: a model on real rows, and something happens to it, or nothing. Counted is what the verdict says
at the end, and how far the onset is off.

Where inputs are shifted or mixed up, nobody knows what would have been true of them, so there are no labels.
In the other kinds each row's truth is its own, and pushed at once. There inputs drift by drawing real rows
unevenly (`drawn`): the truth of such rows is what it was, though the model errs more or less often. The truth
itself moves (`truth`, `both`) for all rows, for those of one half, or by going to other rows.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
from sklearn.tree import DecisionTreeRegressor

from bench.drift.data import REFERENCE, STATIONARY, adbench, draw, reference
from bench.drift.replay import BATCH, RATE
from sidecar.exchange import Matrix
from sidecar.labels.label import Label
from sidecar.observer.traffic import Flow, Traffic
from sidecar.observer.verdict import verdict
from sidecar.scoring.bins import Bins
from tests.observer.talk import of_rows

EPISODE_WINDOW = 500
LABELLED = ("none", "drawn", "model", "truth", "both")
KINDS = ("none", "skew", "sudden", "slow", "relations", "drawn", "model", "truth", "both")
VERDICTS = {
    "stable": "stable",
    "skew": "skew",
    "feature-drift": "feature",
    "prediction-drift": "prediction",
    "concept-drift": "concept",
    "feature-and-concept-drift": "both",
}
"""What a verdict is called at the head of its column."""

EXPECTED = {
    "none": "stable",
    "skew": "skew",
    "sudden": "feature-drift",
    "slow": "feature-drift",
    "relations": "feature-drift",
    "drawn": "feature-drift",
    "model": "prediction-drift",
    "truth": "concept-drift",
    "both": "feature-and-concept-drift",
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
    print(
        f"{'':10}"
        + "".join(f"{short:>11}" for short in VERDICTS.values())
        + f"{'sudden/slow/unsure':>20}{'onset off: median, most':>25}"
    )
    for kind, outcomes in found.items():
        said, paces = Counter(o.verdict for o in outcomes), Counter(o.pace for o in outcomes)
        off = [o.onset_off for o in outcomes if np.isfinite(o.onset_off)] or [0.0]
        print(
            f"{kind:10}"
            + "".join(f"{said[name]:>11}" for name in VERDICTS)
            + f"{paces['sudden']:>12}/{paces['slow']}/{paces['unsure']}"
            + f"{np.median(off):>19.0f}{max(off):>10.0f}",
            flush=True,
        )
    right = sum(o.verdict == EXPECTED[kind] for kind, outcomes in found.items() for o in outcomes)
    moved = [o for kind, outcomes in found.items() if kind != "none" for o in outcomes]
    close = sum(o.onset_off <= EPISODE_WINDOW for o in moved)
    print(f"\n{right / episodes:.1%} right verdicts (wanted: 95 %)")
    print(f"onset within one window: {close} of {len(moved)} that moved")


def _episode(kind: str, seed: int) -> Outcome:
    """One stream through all that the observer does with records."""
    random = np.random.default_rng(1_000 + seed)
    pool = target_first(adbench(STATIONARY[seed // len(KINDS) % len(STATIONARY)]))
    model, other = models(pool, random)
    good = 0 if kind == "skew" else int(random.integers(2, 5)) * EPISODE_WINDOW + int(random.integers(100))
    drawn = draw(pool, good + 8 * EPISODE_WINDOW, random)
    after = np.arange(len(drawn)) >= good
    if kind in ("drawn", "both"):
        drawn = np.where(after[:, None], _unevenly(pool, len(drawn), random), drawn)
    truth, rows = drawn[:, 0], drawn[:, 1:]
    if kind in ("truth", "both"):
        truth = np.where(after, _otherwise(truth, rows, model, random), truth)
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
    known = draw(pool[:, 1:], REFERENCE, random)
    fields = reference(known)
    traffic.adopt(fields, "bench", Bins(fields).within(known))
    for start in range(0, len(rows), BATCH):
        part, said = rows[start : start + BATCH], answers[start : start + BATCH]
        body = f'{{"predictions": {said.tolist()}}}'.encode()
        began = {"started_ns": round(start / RATE * 1e9), "ended_ns": 0}
        now = (start + len(part)) / RATE
        call = of_rows(start, part, "bench", response_body=body, **began)
        traffic.update([call], now)
        if kind in LABELLED:
            labels = enumerate(truth[start : start + BATCH].tolist())
            traffic.truth.label([Label(call.id, row, value) for row, value in labels], now)
    (flow,) = traffic.flows.values()
    return _outcome(flow, good)


def _outcome(flow: Flow, good: int) -> Outcome:
    found = verdict(flow)
    concept = flow.performance.concept if flow.performance is not None else None
    tests = {"output": flow.output_drift, "relation": flow.relations, "label": concept}
    test = tests.get(found.part, flow.drift)
    pace = test.alarm.pace if test is not None and test.alarm is not None else ""
    return Outcome(found.name, pace, abs(found.since * RATE - good) if found.subject else np.inf)


def target_first(pool: Matrix) -> Matrix:
    """The set with the column of most values ahead, which the models will predict."""
    target = max(range(pool.shape[1]), key=lambda i: len(np.unique(pool[:, i])))
    return np.hstack((pool[:, target : target + 1], np.delete(pool, target, axis=1)))


def models(pool: Matrix, random: np.random.Generator) -> tuple[Any, Any]:
    """A model of the first column, and one trained on a biased part: the upper 70 % of that column."""
    X, y = pool[:, 1:], pool[:, 0]
    train = random.permutation(len(X))[:1_000]
    biased = train[y[train] > np.quantile(y[train], 0.3)]
    tree = {"max_depth": 6, "min_samples_leaf": 5, "random_state": 0}
    return tuple(DecisionTreeRegressor(**tree).fit(X[rows], y[rows]) for rows in (train, biased))


def _unevenly(pool: Matrix, rows: int, random: np.random.Generator) -> Matrix:
    """Real rows, those with more of one input oftener: by e for each one or two standard deviations."""
    column = pool[:, 1 + random.integers(pool.shape[1] - 1)]
    while len(np.unique(column)) < 10:
        column = pool[:, 1 + random.integers(pool.shape[1] - 1)]
    places = np.argsort(np.argsort(column)) / len(column)
    odds = np.exp(random.uniform(1.5, 3.0) * random.choice((-1.0, 1.0)) * places)
    drawn: Matrix = pool[random.choice(len(pool), size=rows, p=odds / odds.sum())]
    return drawn


def _otherwise(truth: Any, rows: Matrix, model: Any, random: np.random.Generator) -> Any:
    """Another truth of the same rows: by a half to two of the model's errors more, by one or two where an
    input is in its upper half, or 40 to 80 % of them as in other rows."""
    error = float(np.std(truth - model.predict(rows))) or 1.0
    kind = random.integers(3)
    if kind == 0:
        return truth + random.uniform(0.5, 2.0) * error
    if kind == 1:
        column = rows[:, int(np.argmax([len(np.unique(x)) for x in rows.T]))]
        return truth + random.uniform(1.0, 2.0) * error * (column > np.median(column))
    return np.where(random.random(len(truth)) < random.uniform(0.4, 0.8), random.permutation(truth), truth)


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
