"""Inputs beside what the model was trained on: all of them as small pictures, the most moved first. Pure
functions.

Counterpart: `sidecar.console.pages.feature`, one of them and how it came.
"""

from __future__ import annotations

from sidecar.console.pages import marks
from sidecar.console.pages.flows import address, chooser
from sidecar.console.pages.marks import card, link, moment, tag
from sidecar.console.views import View
from sidecar.report import plots
from sidecar.report.tables import Html
from sidecar.report.units import number, share

AT_ONCE = 24
"""Inputs on one page."""

MEANS = (
    "Bars are the rows of the window, the line is the reference; bins hold equal shares of the reference,"
    " so as long as nothing moves the bars reach up to the line. The most moved come first."
)


def parts(overview: View, found: View, flow: View | None, offset: int) -> list[Html]:
    """What stands on the page. `found`: of `/api/v1/features`; `flow`: the one of its flows that is shown."""
    if flow is None:
        return [card("features", "Inputs", _nothing(overview), source="/api/v1/features")]
    others = chooser("/features", found["flows"], flow)
    body = marks.html((others, _summary(flow), _pictures(flow), _more(flow, offset)))
    source = address("/api/v1/features", flow, limit=AT_ONCE, offset=offset or None)
    return [card("features", "Inputs against the reference", body, means=MEANS, source=source)]


def _nothing(overview: View) -> Html:
    learning = overview["learning"]
    if learning["phase"] in ("collecting", "fitting"):
        seen, need = min(learning["rows_seen"], learning["rows_needed"]), learning["rows_needed"]
        words = f"{seen:,} of {need:,} rows so far. Until then every call passes and none is scored."
        bar = Html(f'<progress max="{need}" value="{seen}" aria-label="Rows learned from"></progress>')
        return marks.empty("Learning what is normal", marks.html((words, bar)))
    return marks.empty("No rows yet", "Inputs show as soon as a call has come that the baseline can read.")


def _summary(flow: View) -> Html:
    alarm = flow["alarm"]
    moved = len(alarm["features"]) if alarm else 0
    window = ("from ", moment(flow["since"]), " to ", moment(flow["until"]))
    numbers = [
        marks.figure_number(number(flow["features"]), "inputs are tested together"),
        marks.figure_number(number(flow["rows"]), marks.html(("rows in the window, ", *window))),
        marks.figure_number(number(moved), _moved(alarm)),
    ]
    return tag("div", *numbers, class_="stats")


def _moved(alarm: View | None) -> Html:
    if alarm is None:
        return marks.html(("have left the reference",))
    early, late = alarm["onset_between"]
    between = ("; with 95 % between ", moment(early), " and ", moment(late))
    return marks.html(("left the reference, since about ", moment(alarm["since"]), *between))


def _pictures(flow: View) -> Html:
    return tag("ul", *(_picture(flow, one) for one in flow["fields"]), class_="multiples")


def _picture(flow: View, field: View) -> Html:
    whole = max(1, sum(field["window"]))
    drawn = plots.bars(field["reference"], [one / whole for one in field["window"]], field["name"])
    name = marks.html(
        (tag("span", "▲ ", aria_hidden="true"), field["name"]) if field["alarmed"] else (field["name"],)
    )
    figure = tag(
        "figure",
        tag("strong", name, class_="alarmed" if field["alarmed"] else None),
        Html(drawn),
        tag("figcaption", *_caption(field)),
    )
    href = address("/features", flow, feature=field["name"])
    return tag("li", link(href, figure, class_="picture"))


def _caption(field: View) -> list[object]:
    said: list[object] = [tag("b", share(field["effect"])), " elsewhere"]
    if field["kind"] == "number":
        said += [", mean ", number(field["reference_mean"]), " → ", number(field["mean"])]
    if field["new"]:
        said += [", ", tag("b", share(field["new"])), " new categories"]
    if (field["missing"] or 0.0) > 2 * (field["reference_missing"] or 0.0):
        said += [", ", tag("b", share(field["missing"])), " missing"]
    return said


def _more(flow: View, offset: int) -> Html:
    links = []
    if offset:
        links.append(
            link(address("/features", flow, offset=max(0, offset - AT_ONCE) or None), "← more moved")
        )
    if offset + AT_ONCE < flow["features"]:
        left = flow["features"] - offset - AT_ONCE
        links.append(link(address("/features", flow, offset=offset + AT_ONCE), f"{left} less moved →"))
    return (
        tag("p", *(tag("span", one, class_="button quiet") for one in links), class_="more")
        if links
        else Html()
    )
