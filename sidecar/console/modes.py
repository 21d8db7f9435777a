"""The six ways in which a model fails in production, each with its state: the first thing that people look
at.

    outliers, skew, feature drift, answers (prediction and concept drift), adversarial inputs, cascades

A row says what is so, since when, on what evidence, and what to do next. Pure functions of the observer's
state, cheap enough to be asked every other second. Counterparts: `sidecar.observer.verdict` and its
neighbours, which decide; the page at `/`, `sidecar top` and `sidecar report`, which show it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, TypeAlias

from sidecar.observer.history import Point
from sidecar.observer.observer import Observer
from sidecar.observer.routes import Key
from sidecar.observer.traffic import Flow
from sidecar.observer.verdict import Verdict

State: TypeAlias = Literal["fine", "watch", "alarm", "waiting", "off"]
"""* `fine`: looked for and not found.
* `watch`: more than should be, or a suspicion; nobody need get up for it.
* `alarm`: found, with the promise of its test.
* `waiting`: will be looked for once there is something to compare with.
* `off`: not looked for, because something isn't set up."""

RECENT_SECONDS = 600.0
"""How far back flagged rows count as a matter of now."""

SIGNS = {
    "noise": "noise in pictures",
    "inconsistent": "answers that flip",
    "query-sequence": "sequences of questions",
    "text": "strange letters",
}
"""What is looked for, by kind of evidence, in plain words."""

FEW = 5
"""Flagged rows of which nobody is told that they are many."""

SIGMAS = 4.0
"""Standard deviations above the promised share from which flagged rows are too many: one look in 30,000."""


class Mode(NamedTuple):
    """One row. `since` is Unix seconds, 0 without; `page` is where to go on from here."""

    name: str
    title: str
    state: State
    since: float
    evidence: str
    next: str
    page: str


Judged: TypeAlias = Sequence[tuple[Key, Verdict]]
"""The verdict on each flow, the strongest evidence first."""


def modes(observer: Observer) -> list[Mode]:
    """All six, in their order."""
    judged = observer.verdicts()
    return [look(observer, judged) for look in LOOKS]


def worst(found: Sequence[Mode]) -> State:
    """What all of them come to: an alarm if one is, then `watch`, `waiting`, `fine`."""
    states = {mode.state for mode in found}
    order: tuple[State, ...] = ("alarm", "watch")
    for state in order:
        if state in states:
            return state
    # Skew and drift wait for a baseline; what waits for labels or a first window alone worries nobody.
    return "waiting" if {m.state for m in found if m.name in ("outliers", "drift")} == {"waiting"} else "fine"


# -- outliers ------------------------------------------------------------------------------------------


class _Recent(NamedTuple):
    """Rows and flagged rows of the last minutes, and since when more than usual are flagged."""

    rows: int
    flagged: int
    since: float


def _outliers(observer: Observer, judged: Judged) -> Mode:
    title, page = "Outliers", "/outliers"
    if not observer.traffic.fields:
        return Mode("outliers", title, "waiting", 0.0, _learning(observer), _LEARN, "/health")
    share = observer.settings.threshold
    if share < observer.finest_p:
        evidence = (
            f"The threshold of {share:g} is below {observer.finest_p:.2g}, the finest p that"
            f" {observer.calibration_rows:,} calibration rows can give: nothing is ever flagged"
        )
        return Mode("outliers", title, "watch", 0.0, evidence, "Fit on more rows, or raise it", "/health")
    recent = _recent(observer, share)
    if not recent.rows:
        return Mode("outliers", title, "waiting", 0.0, "No row was scored lately", "Send calls", page)
    expected = recent.rows * share
    evidence = (
        f"{recent.flagged:,} of the last {recent.rows:,} rows look like no training row;"
        f" of clean rows about {expected:,.0f} would"
    )
    if recent.flagged < FEW or recent.flagged <= expected + SIGMAS * math.sqrt(expected * (1.0 - share)):
        return Mode("outliers", title, "fine", 0.0, evidence, "", page)
    many = observer.cohorts.found.cohorts if observer.cohorts.found is not None else ()
    follow = "See which rows are alike, and export a group for labelling" if many else "See what they are"
    return Mode("outliers", title, "alarm", recent.since, evidence, follow, page)


def _recent(observer: Observer, share: float) -> _Recent:
    now, rows, flagged, since = observer.clock(), 0, 0, math.inf
    for key, flow in observer.traffic.flows.items():
        course = observer.history.courses.get(key)
        points = course.points if course is not None else []
        before = [point for point in points if point.time < now - RECENT_SECONDS]
        base = before[-1] if before and before[-1].rows <= flow.rows else None
        rows += flow.rows - (base.rows if base else 0)
        flagged += flow.flagged - (base.flagged if base else 0)
        since = min(since, _began(points, flow, share))
    return _Recent(rows, flagged, 0.0 if since == math.inf else since)


def _began(points: Sequence[Point], flow: Flow, share: float) -> float:
    """When the latest stretch began in which twice the promised share and more was flagged; infinite for
    none."""
    rows, flagged, began, calm = flow.rows, flow.flagged, math.inf, 0
    for point in reversed(points):
        came, odd = rows - point.rows, flagged - point.flagged
        if came * share < 1.0:
            continue  # too few to tell; taken together with those before
        if odd >= 2.0 * came * share:
            began, calm = point.time, 0
        elif (calm := calm + 1) > 1 and began < math.inf:
            break
        rows, flagged = point.rows, point.flagged
    return began


# -- what moved ----------------------------------------------------------------------------------------

_LEARN = "Give it the training data: sidecar fit, then --baseline"


def _skew(observer: Observer, judged: Judged) -> Mode:
    title = "Training-serving skew"
    if not observer.traffic.fields:
        return Mode("skew", title, "waiting", 0.0, _learning(observer), _LEARN, "/health")
    found = [one for one in judged if one[1].inputs == "never-matched"]
    if found:
        what = _moved(observer, *found[0], "never looked like the reference")
        return Mode("skew", title, "alarm", found[0][1].since, what, _ASK_PIPELINE, "/features")
    rows = sum(flow.inputs.total.rows for flow in observer.traffic.flows.values() if flow.inputs is not None)
    if not rows:
        return Mode("skew", title, "waiting", 0.0, "No row has come yet", "Send calls", "/features")
    return Mode("skew", title, "fine", 0.0, "The first rows looked like the reference", "", "/features")


_ASK_PIPELINE = "Compare how this feature is made in training and in serving"


def _drift(observer: Observer, judged: Judged) -> Mode:
    title = "Feature drift"
    if not observer.traffic.fields:
        return Mode("drift", title, "waiting", 0.0, _learning(observer), _LEARN, "/health")
    moved = [one for one in judged if one[1].inputs == "moved"]
    if moved:
        what = _moved(observer, *moved[0], "left the reference")
        follow = "See how it moved; label recent rows, then retrain or mend the source"
        return Mode("drift", title, "alarm", moved[0][1].since, what, follow, "/features")
    suspected = [one for one in judged if one[1].inputs == "suspected"]
    if suspected:
        words = "Something in the inputs may have moved; not enough rows to be sure"
        return Mode("drift", title, "watch", 0.0, words, "Wait, or look at the strongest", "/features")
    flows = [flow for flow in observer.traffic.flows.values() if flow.drift is not None]
    if not any(flow.inputs is not None and flow.inputs.total.rows for flow in flows):
        return Mode("drift", title, "waiting", 0.0, "No row has come yet", "Send calls", "/features")
    nearest = max((flow.drift.strongest / flow.drift.threshold for flow in flows if flow.drift), default=0.0)
    words = f"Every input is as in the reference; evidence stands at {max(0.0, nearest):.0%} of an alarm"
    return Mode("drift", title, "fine", 0.0, words, "", "/features")


def _moved(observer: Observer, key: Key, found: Verdict, how: str) -> str:
    """What moved, by how much, and in which flow where there are several."""
    flow = observer.traffic.flows[key]
    alarms = [test.alarm for test in (flow.drift, flow.relations, flow.output_drift) if test is not None]
    first = next((alarm for alarm in alarms if alarm is not None), None)
    where = f" of {key.model or key.route}" if len(observer.traffic.flows) > 1 else ""
    if first is None or found.refusals:
        return f"{found.subject or 'An input'}{where} {how}"
    more = len(first.features) - 1
    others = f" and {more} more" if more > 0 else ""
    return f"{found.subject}{where}{others} {how}: {first.features[0].effect:.0%} of its rows lie elsewhere"


def _answers(observer: Observer, judged: Judged) -> Mode:
    title, page = "Answers and truth", "/performance"
    wrong = [one for one in judged if one[1].labels == "moved"]
    if wrong:
        words = "The same inputs have another truth than before: errors rose more than the inputs explain"
        follow = "The task changed: retrain on recent labels"
        return Mode("answers", title, "alarm", _since(observer, wrong[0][0]), words, follow, page)
    moved = [one for one in judged if one[1].name == "prediction-drift"]
    if moved:
        words = f"{moved[0][1].subject} moved though the inputs didn't"
        follow = "Was another model or threshold released? If not, look at labels"
        return Mode("answers", title, "alarm", moved[0][1].since, words, follow, page)
    flows = observer.traffic.flows.values()
    if any(one.labels == "as-expected" for _, one in judged):
        return Mode("answers", title, "fine", 0.0, "Labels agree with what was expected", "", page)
    if any(flow.output_drift is not None for flow in flows):
        words = "Answers are distributed as in the first window after deployment; no labels came"
        return Mode("answers", title, "fine", 0.0, words, "Push labels to know of errors, too", page)
    words = "The first window of answers is not full yet"
    return Mode("answers", title, "waiting", 0.0, words, "Push labels to know of errors, too", page)


def _since(observer: Observer, key: Key) -> float:
    performance = observer.traffic.flows[key].performance
    concept = performance.concept if performance is not None else None
    return concept.alarm.since if concept is not None and concept.alarm is not None else 0.0


# -- made by somebody ----------------------------------------------------------------------------------


def _adversarial(observer: Observer, judged: Judged) -> Mode:
    title, page = "Adversarial inputs", "/attacks"
    flows = observer.traffic.flows.values()
    found = sum(
        calls for flow in flows for (_, verdict), calls in flow.verdicts.items() if verdict == "adversarial"
    )
    if found:
        words = f"{found:,} calls were called adversarial since the start"
        return Mode("adversarial", title, "alarm", 0.0, words, "See whose they are", page)
    if not any(flow.verdicts for flow in flows):
        return Mode("adversarial", title, "waiting", 0.0, "No call has come yet", "Send calls", page)
    signs = {sign for worker in observer.workers.current(observer.clock()) for sign in worker.signs}
    if not signs:
        words = "Not looked for: nothing says which inputs are pictures, no rule asks for sequences"
        return Mode("adversarial", title, "off", 0.0, words, "See what can be looked for", page)
    looked_for = ", ".join(words for sign, words in SIGNS.items() if sign in signs)
    words = f"Looked for and not found: {looked_for}. A careful attacker leaves no sign"
    return Mode("adversarial", title, "fine", 0.0, words, "", page)


def _cascade(observer: Observer, judged: Judged) -> Mode:
    title, page, edges = "Cascades", "/chain", observer.edges
    feeding = sorted({edge.source for edge in edges.counts if edge.target == edges.service})
    since = observer.drifting_since()
    if earlier := (observer.earlier_model(since) if since else ""):
        words = f"This drift comes from {earlier}, which changed first"
        return Mode(
            "cascade", title, "alarm", since, words, f"See the chain, and ask {earlier}'s owner", page
        )
    if not feeding:
        words = "No model is known to feed this one"
        return Mode("cascade", title, "off", 0.0, words, "Name the others in the setting peers", page)
    names = ", ".join(feeding[:3])
    if not observer.traffic.fields:
        words = f"Fed by {names}; whether anything drifts here shows once there is a baseline"
        return Mode("cascade", title, "waiting", 0.0, words, "Ask which model changed", page)
    if since:
        words = f"Something drifts here, and {names} didn't drift before"
        return Mode("cascade", title, "watch", since, words, "Ask which model changed", page)
    return Mode("cascade", title, "fine", 0.0, f"Fed by {names}; nothing drifts", "", page)


def _learning(observer: Observer) -> str:
    state = observer.learning
    if observer.baseline_error:
        return f"The baseline cannot be read: {observer.baseline_error}"
    if state.failure:
        return f"Learning failed: {state.failure}"
    if state.phase == "fitting":
        return f"Fitting a baseline on {state.seen:,} rows"
    return f"Learning what is normal: {min(state.seen, state.need):,} of {state.need:,} rows"


LOOKS: tuple[Callable[[Observer, Judged], Mode], ...] = (
    _outliers,
    _skew,
    _drift,
    _answers,
    _adversarial,
    _cascade,
)
