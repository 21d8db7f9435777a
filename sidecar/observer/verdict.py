"""The verdict on one flow: a table of facts, not a score. Pure functions.

Facts are what sequential tests found: two of the inputs against the reference, each column alone and all of
them together, one of the outputs against the first window of outputs after deployment, and one of the truth
against what was expected of the outputs. Counterparts: `sidecar.observer.drift`, `relations` and
`truth.concept`, which find them; `sidecar.console.verdict_view`, which shows every
number that led here.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, TypeAlias

from sidecar.observer.breaks import Break, breaks, latest, refused
from sidecar.observer.drift import Detector
from sidecar.observer.relations import Relations
from sidecar.observer.traffic import Flow

Test: TypeAlias = Detector | Relations

Name = Literal[
    "unknown",
    "stable",
    "skew",
    "feature-drift",
    "prediction-drift",
    "concept-drift",
    "feature-and-concept-drift",
]

Inputs: TypeAlias = Literal["no-reference", "as-reference", "suspected", "moved", "never-matched"]
"""What the tests of the inputs found.

* `no-reference`: there's no baseline, or no row of this flow could be laid out against it.
* `suspected`: not enough for an alarm, but odds of 20 to 1, when only one question is asked.
* `moved`: an alarm, after a good start.
* `never-matched`: an alarm, and the drift may well have been there with the very first rows.
"""

Outputs: TypeAlias = Literal["no-reference", "as-before", "moved"]
"""What the test of the outputs found. No reference: the first window of answers isn't full yet."""

Labels: TypeAlias = Literal["no-reference", "as-expected", "moved"]
"""What the test of the truth found, given what was expected of each answer. No reference: there is no
window of rows with labels yet."""

TABLE: dict[tuple[Inputs, Outputs], Name] = {
    ("no-reference", "no-reference"): "unknown",
    ("no-reference", "as-before"): "unknown",
    ("no-reference", "moved"): "prediction-drift",
    ("as-reference", "no-reference"): "stable",
    ("as-reference", "as-before"): "stable",
    ("as-reference", "moved"): "prediction-drift",
    ("suspected", "no-reference"): "stable",
    ("suspected", "as-before"): "stable",
    # What the model answers moved, and so, it seems, did what it was asked: the simpler story.
    ("suspected", "moved"): "feature-drift",
    ("moved", "no-reference"): "feature-drift",
    ("moved", "as-before"): "feature-drift",
    ("moved", "moved"): "feature-drift",
    ("never-matched", "no-reference"): "skew",
    ("never-matched", "as-before"): "skew",
    ("never-matched", "moved"): "skew",
}
"""What each pair of facts means while labels don't speak of a move. What earlier models did is not among the
facts yet."""

MOVED_TRUTH: dict[Name, Name] = {
    "unknown": "concept-drift",
    "stable": "concept-drift",
    "skew": "feature-and-concept-drift",
    "feature-drift": "feature-and-concept-drift",
    # Another model answers, so that its answers turn out otherwise is no wonder.
    "prediction-drift": "prediction-drift",
}
"""What that meaning becomes when the truth moved beyond what was expected of the answers."""

SUSPICION = 3.0
"""Log evidence for a move of the inputs that counts when the outputs have moved: odds of 20 to 1."""

Part: TypeAlias = Literal["", "feature", "relation", "output", "label"]
"""What a verdict's subject is; empty without one."""


class Verdict(NamedTuple):
    """A verdict and its facts.

    `subject` is the feature, relation (`age ~ income`) or output that speaks loudest, or the prediction whose
    labels do, and `part` says which of these it is; `since` is the estimated onset in Unix seconds. All are
    empty without a drift. `refusals` are columns for which calls go unscored.
    """

    name: Name
    inputs: Inputs
    outputs: Outputs
    subject: str = ""
    since: float = 0.0
    evidence: float = 0.0
    refusals: tuple[Break, ...] = ()
    part: Part = ""
    labels: Labels = "no-reference"


def verdict(flow: Flow) -> Verdict:
    """The verdict on a flow as it stands."""
    refusals = refused(reason for _, reason in flow.reasons)
    inputs, outputs = _inputs(flow, refusals), _outputs(flow.output_drift)
    concept = flow.performance.concept if flow.performance is not None else None
    labels = _labels(concept)
    name = TABLE[inputs, outputs]
    if labels == "moved":
        name = MOVED_TRUTH[name]
    if refusals:
        since = next(time for time, reason in flow.reasons if reason.endswith(f":{refusals[0].feature}"))
        return Verdict(
            name, inputs, outputs, refusals[0].feature, since, math.inf, refusals, "feature", labels
        )
    # A suspicion of the inputs is no alarm, so what is named then is the output.
    tests: tuple[tuple[Part, Test | None], ...] = (
        ("feature", flow.drift),
        ("relation", flow.relations),
        ("output", flow.output_drift),
        ("label", concept),
    )
    for part, test in tests:
        if test is not None and test.alarm is not None:
            loudest = test.alarm.features[0]
            evidence = loudest.log_evidence
            return Verdict(
                name, inputs, outputs, loudest.feature, test.alarm.since, evidence, (), part, labels
            )
    return Verdict(name, inputs, outputs, labels=labels)


def _inputs(flow: Flow, refusals: tuple[Break, ...]) -> Inputs:
    if refusals:
        return "moved" if flow.inputs is not None else "never-matched"
    tests = [test for test in (flow.drift, flow.relations) if test is not None]
    if not tests:
        return "no-reference"
    alarms = [test.alarm for test in tests if test.alarm is not None]
    if alarms:
        return "never-matched" if alarms[0].from_the_first else "moved"
    suspicion = max(test.suspicion for test in tests) - math.log(len(tests))
    return "suspected" if suspicion >= SUSPICION else "as-reference"


def _outputs(test: Detector | None) -> Outputs:
    if test is None:
        return "no-reference"
    return "moved" if test.alarm is not None else "as-before"


def _labels(test: Detector | None) -> Labels:
    if test is None:
        return "no-reference"
    return "moved" if test.alarm is not None else "as-expected"


def broken_columns(flow: Flow, now: float) -> tuple[Break, ...]:
    """The inputs that didn't drift but break: those that calls are refused for, and those of the alarm."""
    found = refused(reason for _, reason in flow.reasons)
    if flow.drift is None or flow.inputs is None or flow.drift.alarm is None:
        return found
    rows = latest(flow.inputs, flow.inputs.total.rows - flow.drift.onset_rows, now)
    return (*found, *breaks(flow.inputs.fields, rows, (one.feature for one in flow.drift.alarm.features)))
