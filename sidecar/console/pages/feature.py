"""One input: what it was, what it is, when that began, and what else is known of it. Pure functions."""

from __future__ import annotations

from sidecar.console.pages import marks
from sidecar.console.pages.flows import address
from sidecar.console.pages.marks import card, chart, link, moment, state, tag
from sidecar.console.pages.overview import unix
from sidecar.console.views import View
from sidecar.report import plots
from sidecar.report.plots import Line
from sidecar.report.tables import Html, flow_name, table
from sidecar.report.units import number, share


def parts(found: View) -> list[Html]:
    """What stands on the page. `found`: what `features_view.feature` has."""
    source = address("/api/v1/features", found, feature=found["name"])
    back = tag(
        "p", link(address("/features", found), "← All inputs"), f" of {flow_name(found)}", class_="back"
    )
    return [
        back,
        card("feature", "What it was and what it is", _state(found), source=source),
        card("course", "How it came", _course(found), means=_COURSE, source=source),
        card("bins", "Every bin", _bins(found), means=_BINS, source=source),
        card("distances", "Distances", _statistics(found), means=_DISTANCES, source=source),
    ]


_COURSE = (
    "The window in twenty stretches of rows. The shaded time is where the onset lies with 95 %; the dashed"
    " line is the reference."
)
_BINS = (
    "Bins are the reference's own. What was never seen, and what is missing, have one of their own at the"
    " end."
)
_DISTANCES = (
    "For looking at: each p is that of one look at one input. What raises an alarm is the evidence above,"
    " which holds over all inputs and all looks."
)


def _state(found: View) -> Html:
    standing = next((one for one in found["alarms"] if one["ended"] is None), None)
    before, now = found["reference"] or {}, found["window"]
    enough = found["threshold"] is not None and found["log_evidence"] is not None
    evidence = f"{found['log_evidence']:.1f} of {found['threshold']:.1f}" if enough else "–"
    numbers = [
        marks.figure_number(share(found["effect"]), "of its rows lie in other bins than in the reference"),
        marks.figure_number(evidence, "log evidence that it moved, and what an alarm takes over all inputs"),
    ]
    if now["mean"] is not None:
        numbers.append(
            marks.figure_number(
                f"{number(before.get('mean'))} → {number(now['mean'])}", "mean before and now"
            )
        )
    numbers.append(
        marks.figure_number(
            f"{share(before.get('missing'))} → {share(now['missing'])}", "missing before and now"
        )
    )
    if now["new"] is not None:
        numbers.append(marks.figure_number(share(now["new"]), "are categories never seen before"))
    return marks.html((tag("p", *_verdict(standing)), tag("div", *numbers, class_="stats")))


def _verdict(standing: View | None) -> list[object]:
    if standing is None:
        return [state("fine", "As in the reference")]
    early, late = standing["onset_between"]
    how = {"sudden": " It came suddenly.", "slow": " It came slowly."}.get(standing["pace"], "")
    return [
        state("alarm", "Left the reference"),
        " about ",
        moment(standing["since"]),
        ", with 95 % between ",
        moment(early),
        " and ",
        moment(late),
        f".{how} It took {standing['rows_to_alarm']:,} rows to be sure.",
    ]


def _course(found: View) -> Html:
    stretches = found["over_time"]
    times = [unix(one["until"]) for one in stretches]

    def line(name: str, of: str) -> Line:
        return Line(name, [(at, one[of]) for at, one in zip(times, stretches, strict=True)])

    standing = next((one for one in found["alarms"] if one["ended"] is None), None)
    onset = None
    if standing is not None and all(standing["onset_between"]):
        early, late = standing["onset_between"]
        onset = (unix(early), unix(late))
    pictures = []
    if found["kind"] == "number" and found["reference"] is not None:
        mean = found["reference"]["mean"]
        pictures.append(
            chart("chart-mean", "Mean", [line("mean", "mean")], levels=[mean], stretch=onset, from_zero=False)
        )
    pictures.append(
        chart(
            "chart-elsewhere",
            "Share of rows elsewhere",
            [line("elsewhere", "total_variation")],
            stretch=onset,
        )
    )
    gaps = [line("missing", "missing")]
    if found["kind"] == "category":
        gaps.append(line("new", "new"))
    pictures.append(chart("chart-gaps", "Share missing, and of categories never seen", gaps, stretch=onset))
    past = [one for one in found["alarms"] if one["ended"] is not None]
    rows = ([moment(one["since"]), moment(one["raised"]), moment(one["ended"]), one["pace"]] for one in past)
    return marks.html(
        (tag("div", *pictures, class_="charts"), table(("Earlier: since", "Told", "Ended", "How"), rows))
    )


def _bins(found: View) -> Html:
    bins = found["bins"]
    whole = max(1, sum(one["window"] for one in bins))
    drawn = plots.bars(
        [one["reference"] or 0.0 for one in bins], [one["window"] / whole for one in bins], found["name"]
    )
    rows = (
        [one["label"], share(one["reference"]), share(one["window"] / whole), number(one["window"])]
        for one in bins
        if one["reference"] or one["window"]
    )
    told = table(("Bin", "#Reference", "#Window", "#Rows"), rows)
    return tag("div", tag("figure", Html(drawn), class_="large"), told, class_="pair")


NAMES = {
    "kolmogorov_smirnov": "Kolmogorov–Smirnov",
    "cramer_von_mises": "Cramér–von Mises",
    "wasserstein": "Wasserstein",
    "jensen_shannon": "Jensen–Shannon",
}
"""Distances that are written otherwise than the API has them."""


def _statistics(found: View) -> Html:
    head = ("Distance", "#Value", "#Effect", "#From", "#To (95 %)", "#p")
    rows = (
        [
            NAMES.get(name, name.replace("_", " ")),
            *(number(one[part]) for part in ("value", "effect", "low", "high", "p")),
        ]
        for name, one in (found["statistics"] or {}).items()
    )
    return table(head, rows) or marks.empty("No distances", "There is no reference to compare with.")
