"""What should have been seen, compared with what was: a table with one row per claim of the demo.

Pure: the counts go in, the findings come out. The exit status of `--once` is whether all of them hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from examples.demo.tally import Seen

CAUGHT_AT_LEAST = 0.9
"""Share of the true outliers that must be flagged at a threshold of 0.01. Of all 3,399 it is 0.995."""

FLAGGED = (0.005, 0.02)
"""Share of clean calls that may be flagged at that threshold, which promises 0.01."""

FLAGGED_LEARNED = (0.0, 0.03)
"""The same after learning: calibrated on 1,000 rows, the share itself has a standard deviation of 0.003."""


class Latency(NamedTuple):
    """Medians of an interleaved run, in seconds."""

    direct: float
    through: float


class Traces(NamedTuple):
    """Calls that carried a sampled trace, and those whose SERVER and CLIENT span arrived at the collector."""

    sent: int
    complete: int


class Finding(NamedTuple):
    """One claim, and whether it held."""

    claim: str
    wanted: str
    seen: str
    holds: bool


def findings(
    phases: Mapping[str, Seen], latency: Latency, traces: Traces, pages: Mapping[str, bool]
) -> list[Finding]:
    """Every claim of the demo. `phases`: last snapshots by name; `pages`: admin path -> did it answer."""
    clean, outliers, drifted = phases["clean"], phases["outliers"], phases["drifted"]
    scored = [seen for name, seen in phases.items() if name != "learning"]
    calls, unscored = sum(s.calls for s in scored), sum(s.unscored for s in scored)
    failed = sum(s.failed for s in phases.values())
    low, high = FLAGGED_LEARNED if "learning" in phases else FLAGGED
    early = next((s for s in phases.values() if s is not drifted and s.drift_after), None)
    silent = [path for path, answered in pages.items() if not answered]
    fooled, saved = outliers.missed_by_model, outliers.missed_but_caught
    return [
        *(_learned(phases["learning"]) if "learning" in phases else ()),
        Finding(
            "no call failed", "0 failed", f"{failed} of {sum(s.calls for s in phases.values())}", failed == 0
        ),
        Finding("every answer carries a score", "all", f"{calls - unscored} of {calls}", unscored == 0),
        Finding(
            "clean calls flagged",
            f"{low:.1%} to {high:.1%}",
            f"{clean.flagged_share:.2%}",
            low <= clean.flagged_share <= high,
        ),
        Finding(
            "true outliers caught",
            f"at least {CAUGHT_AT_LEAST:.0%}",
            f"{outliers.caught_share:.0%}",
            outliers.caught_share >= CAUGHT_AT_LEAST,
        ),
        Finding(
            "median p of outliers below that of clean calls",
            f"under {outliers.clean_p:.4f}",
            f"{outliers.outlier_p:.4f}",
            outliers.outlier_p < outliers.clean_p,
        ),
        Finding(
            "outliers that the model called ordinary, flagged",
            "more than half",
            f"{saved} of {fooled}",
            saved * 2 > fooled,
        ),
        Finding(
            "no drift before the drifted stream",
            "stable",
            f"{early.drift} in phase {early.phase} at call {early.drift_after}" if early else "stable",
            early is None,
        ),
        Finding(
            "drift named in the drifted stream",
            "a drift state",
            f"{drifted.drift} after {drifted.drift_after} rows" if drifted.drift_after else "still stable",
            drifted.drift_after > 0,
        ),
        Finding(
            "traces arrive at the collector",
            f"{traces.sent} of {traces.sent}",
            f"{traces.complete}",
            traces.complete == traces.sent > 0,
        ),
        Finding(
            "admin pages answer",
            f"all {len(pages)}",
            f"silent: {', '.join(silent)}" if silent else "all",
            not silent,
        ),
        Finding(
            "added latency, median",
            "",
            f"{(latency.through - latency.direct) * 1e6:.0f} us on top of {latency.direct * 1e6:.0f} us",
            True,
        ),
    ]


def _learned(seen: Seen) -> list[Finding]:
    """Learning is over when an answer carries a score."""
    scored = seen.calls > seen.failed + seen.unscored
    found = f"after {seen.calls} calls" if scored else f"not within {seen.calls} calls"
    return [Finding("a baseline is learned from traffic", "scores", found, scored)]
