"""What has been seen of one phase, counted call by call: `update` with each answer, `snapshot` at any time.

Counterparts: `screen` shows snapshots while they grow, `findings` judges the last ones.
"""

from __future__ import annotations

import statistics
from typing import NamedTuple

from examples.demo.programme import Call
from examples.traffic import Answer


class Seen(NamedTuple):
    """The counts of one phase; `calls` is the sum of everything that was sent."""

    phase: str
    calls: int = 0
    failed: int = 0
    """Calls without a 200."""

    unscored: int = 0
    """Calls whose answer had no score."""

    clean: int = 0
    """Clean calls that were scored; likewise `outliers`."""

    clean_flagged: int = 0
    clean_p: float = float("nan")
    """Median p-value of clean calls, as far as the header's four decimals tell."""

    outliers: int = 0
    caught: int = 0
    outlier_p: float = float("nan")
    missed_by_model: int = 0
    """Outliers that the model called ordinary."""

    missed_but_caught: int = 0
    """Those among them that the sidecar flagged."""

    drift_after: int = 0
    """The number of the first call that said a drift state other than `stable`; 0: none did."""

    drift: str = ""
    """What that call said, with the feature's name."""

    @property
    def flagged_share(self) -> float:
        """Share of clean calls that were flagged, 0 to 1."""
        return self.clean_flagged / self.clean if self.clean else float("nan")

    @property
    def caught_share(self) -> float:
        """Share of true outliers that were flagged, 0 to 1."""
        return self.caught / self.outliers if self.outliers else float("nan")


class Tally:
    """Counts one phase."""

    def __init__(self, phase: str) -> None:
        self._seen = Seen(phase)
        self._p: dict[bool, list[float]] = {False: [], True: []}

    def update(self, call: Call, answer: Answer | None) -> None:
        """Count one call; `answer` is None when none came."""
        seen = self._seen._replace(calls=self._seen.calls + 1)
        if answer is None or answer.status != 200:
            self._seen = seen._replace(failed=seen.failed + 1)
            return
        if answer.drift not in ("", "stable") and not seen.drift_after:
            seen = seen._replace(drift_after=seen.calls, drift=_named(answer))
        if answer.score is None:
            self._seen = seen._replace(unscored=seen.unscored + 1)
            return
        self._p[call.outlier].append(1 - answer.score)
        self._seen = _outlier(seen, answer) if call.outlier else _clean(seen, answer)

    def snapshot(self) -> Seen:
        """The counts so far."""
        medians = {odd: statistics.median(p) if p else float("nan") for odd, p in self._p.items()}
        return self._seen._replace(clean_p=medians[False], outlier_p=medians[True])


def _named(answer: Answer) -> str:
    """The drift state and the feature that it names, without the time of its onset."""
    return answer.headers["x-drift-state"].partition("; since=")[0]


def _clean(seen: Seen, answer: Answer) -> Seen:
    flagged = answer.verdict == "outlier"
    return seen._replace(clean=seen.clean + 1, clean_flagged=seen.clean_flagged + flagged)


def _outlier(seen: Seen, answer: Answer) -> Seen:
    caught, missed = answer.verdict == "outlier", answer.p_fault < 0.5
    return seen._replace(
        outliers=seen.outliers + 1,
        caught=seen.caught + caught,
        missed_by_model=seen.missed_by_model + missed,
        missed_but_caught=seen.missed_but_caught + (missed and caught),
    )
