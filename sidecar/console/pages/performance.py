"""How good answers are: by labels, and estimated where labels are not there yet. Pure functions."""

from __future__ import annotations

from typing import Any

from sidecar.console.pages import marks
from sidecar.console.pages.marks import card, chart, moment, tag
from sidecar.console.pages.overview import unix
from sidecar.console.views import View
from sidecar.report.plots import Line
from sidecar.report.tables import Html, flow_name, table
from sidecar.report.units import number, seconds, share

SOURCE = "/api/v1/performance"


def parts(found: View, outputs: View) -> list[Html]:
    """What stands on the page. `outputs`: of `/api/v1/verdict`, for what became of the answers themselves."""
    return [
        card("answers", "Do answers move", _answers(outputs), means=_ANSWERS, source="/api/v1/verdict"),
        card("labels", "Labels", _labels(found), means=_LABELS, source=SOURCE),
        *(_flow(place, one) for place, one in enumerate(found["flows"])),
    ]


_ANSWERS = (
    "Answers are compared with the first full window after deployment; labels with what was expected of"
    " each answer."
)
_LABELS = (
    "What turned out to be true, pushed by request id: sidecar labels push FILE, or POST /api/v1/labels."
)
_FLOW = (
    "Realised is what labels say, with its 95 % interval. Estimated is what was expected of the same rows"
    " before they came; where both part, inputs have another truth than before."
)


def _answers(outputs: View) -> Html:
    states = {"no-reference": "waiting", "as-before": "fine", "as-expected": "fine", "moved": "alarm"}

    def told(test: View) -> Any:
        return marks.state(states[test["state"]], test["state"].replace("-", " "))

    def since(one: View) -> str | None:
        """The onset, unless it is that of inputs alone."""
        return one["since"] if "moved" in (one["outputs"]["state"], one["labels"]["state"]) else None

    def evidence(test: View) -> str:
        if test["threshold"] is None or test["log_evidence"] is None:
            return "–"
        return f"{test['log_evidence']:.1f} of {test['threshold']:.1f}"

    head = ("Flow", "Answers", "#Evidence", "Truth", "#Evidence", "Since")
    rows = (
        [
            flow_name(one),
            told(one["outputs"]),
            evidence(one["outputs"]),
            told(one["labels"]),
            evidence(one["labels"]),
            moment(since(one), "–"),
        ]
        for one in outputs["flows"]
    )
    return table(head, rows) or marks.empty("No call has come yet", "Answers show with the first calls.")


def _labels(found: View) -> Html:
    counts = found["labels"]
    if not any(counts.values()) and not found["labels_waiting"]:
        words = "Without them errors can only be estimated. Push some: a tenth of all answers is plenty."
        return marks.empty("No label has come", words)
    rows = ([name, number(count)] for name, count in counts.items())
    numbers = tag(
        "div",
        marks.figure_number(number(sum(counts.values())), "labels heard"),
        marks.figure_number(number(found["labels_waiting"]), "wait for their call"),
        marks.figure_number(number(found["calls_kept"]), f"calls may still get some, {_kept(found)} of all"),
        class_="stats",
    )
    return marks.html((numbers, table(("What became of them", "#Labels"), rows)))


def _kept(found: View) -> str:
    return share(found["calls_kept_share"])


def _flow(place: int, one: View) -> Html:
    title = flow_name(one)
    realised, estimated = one["window"]["realised"], one["window"]["estimated"] or {}
    latest = one["estimated"]
    if not realised and len(latest) < 2:
        words = one["note"] or "its answers are heard, and neither labels nor scores of classes tell how good"
        words = f"{words}."
        return card(f"flow-{place}", title, marks.empty("Nothing to measure yet", words), source=SOURCE)
    head = ("Measure", "#Realised", "#From", "#To", "#Estimated for the same rows", "#Gap", "#Estimated now")
    rows = (_measure(name, realised, estimated, latest) for name in _names(realised, estimated, latest))
    delay = one["label_delay_seconds"]
    late = f" Labels come {seconds(delay['median'])} after the answer in the median." if delay else ""
    words = f"{one['window']['rows']:,} labelled rows in the window, {latest['rows']:,} latest answers.{late}"
    pictures = tag("div", *_history(place, one), class_="charts")
    body = marks.html((tag("p", words), table(head, rows), pictures))
    return card(f"flow-{place}", title, body, means=_FLOW, source=SOURCE)


def _names(*found: View) -> list[str]:
    return list(dict.fromkeys(name for one in found for name in one if name != "rows"))


def _measure(name: str, realised: View, estimated: View, latest: View) -> list[object]:
    real, guess = realised.get(name), estimated.get(name)
    gap = None if real is None or guess is None else real["value"] - guess
    return [
        name,
        *(number(real[part] if real else None) for part in ("value", "low", "high")),
        number(guess),
        number(gap),
        number(latest.get(name)),
    ]


def _history(place: int, one: View) -> list[Html]:
    past = [*one["history"], one["window"]]
    past = [window for window in past if window["until"] and window["realised"]]
    names = list(past[-1]["realised"])[:2] if len(past) > 1 else []
    return [
        chart(
            f"chart-{place}-{name}",
            f"{name}, window by window",
            [Line("realised", [(unix(w["until"]), _value(w["realised"].get(name))) for w in past])],
            from_zero=False,
        )
        for name in names
    ]


def _value(measure: View | None) -> float | None:
    return None if measure is None else measure["value"]
