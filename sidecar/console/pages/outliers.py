"""What was flagged: where it lies, in groups of rows that are alike, and the latest calls. Pure functions."""

from __future__ import annotations

from sidecar.console import map_picture
from sidecar.console.pages import marks
from sidecar.console.pages.marks import card, link, moment, state, tag
from sidecar.console.views import View
from sidecar.report.tables import Html, table
from sidecar.report.units import number, seconds, share

EXPORTS = ("csv", "parquet")

ODD = ("outlier", "adversarial")
"""Verdicts on a call that somebody should look at."""


def parts(cohorts: View, chart: View, latest: View, verdict: str) -> list[Html]:
    """What stands on the page. `verdict`: the one that the latest calls are chosen by, empty for all."""
    return [
        card(
            "cohorts", "Flagged rows in groups", _cohorts(cohorts), means=_COHORTS, source="/api/v1/cohorts"
        ),
        card("map", "Map of rows", _map(chart, cohorts), means=_MAP, source="/api/v1/map"),
        card(
            "calls",
            "Latest calls",
            _latest(latest, verdict),
            means="Those that are odd or failed are kept longer than the others.",
            source=marks.query("/api/v1/exchanges", verdict=verdict if verdict != "all" else ""),
        ),
    ]


_SOURCE = "/api/v1/cohorts"
_COHORTS = (
    "Rows flagged for the same reason are one group: a gap in the training data, a broken client, an"
    " attack. Export one, label it, and put it to the training data."
)
_MAP = (
    "Each point is a row; near ones are alike. Grey is training data, blue is clean traffic, colours are"
    " the groups above. Point at one to see which call it was in."
)


def _cohorts(found: View) -> Html:
    if found["searched"] is None:
        words = f"{found['note'] or 'They are searched for as soon as enough rows are flagged'}."
        return marks.empty("No groups yet", words)
    flagged = found["rows_flagged"]
    again = "; a new search is under way" if found["searching"] else ""
    as_of = moment(found["searched"])
    of_all = marks.html((f"rows flagged of {found['rows_scored']:,}, as of ", as_of, again))
    numbers = tag(
        "div",
        marks.figure_number(number(flagged), of_all),
        marks.figure_number(number(round(found["rows_flagged_if_clean"])), "would be, were all clean"),
        marks.figure_number(number(len(found["cohorts"])), "groups of rows that are alike"),
        marks.figure_number(
            number(found["singles"]["rows_kept"]),
            marks.html(("are like no others; export ", *_exports("singles"))),
        ),
        class_="stats",
    )
    groups = tag("ol", *(_cohort(one) for one in found["cohorts"]), class_="cohorts")
    return marks.html((numbers, groups))


def _cohort(one: View) -> Html:
    examples = [call(example["id"]) for example in one["examples"][:3]]
    return tag(
        "li",
        tag(
            "h3",
            dot(one["id"]),
            f" Group {one['id']}: {one['rows']:,.0f} rows, {share(one['share_of_flagged'])} of those flagged",
        ),
        tag("p", one["description"]),
        _known(one["together"]["training"]),
        tag(
            "p",
            moment(one["first"]),
            " to ",
            moment(one["last"]),
            *(("; such as ", marks.html(_between(examples))) if examples else ()),
            class_="small",
        ),
        tag("p", "Export ", *_exports(str(one["id"])), class_="exports"),
        class_="cohort",
    )


def _known(training: float | None) -> Html:
    """Whether a group is a gap in the training data, or rare there as well."""
    if training is None:
        return Html()
    if training:
        return tag("p", f"Of training rows {share(training)} are such, too: rare, but known.")
    return tag("p", tag("strong", "No training row is such: a gap in the training data."))


def _between(links: list[Html]) -> list[object]:
    return [part for i, one in enumerate(links) for part in ((", ", one) if i else (one,))]


def _exports(name: str) -> list[object]:
    words = {"csv": "CSV", "parquet": "Parquet"}
    return [
        part
        for form in EXPORTS
        for part in (link(f"/api/v1/cohorts/{name}/rows.{form}", words[form], class_="button quiet"), " ")
    ]


def dot(cohort: int) -> Html:
    """The colour of a group, on the map and beside its name."""
    return tag("span", "●", class_=map_picture.colour(cohort), aria_hidden="true")


def call(id_: str) -> Html:
    """A link to one call."""
    return link(f"/exchanges/{marks.quoted(id_)}", tag("code", id_[:18]))


def _map(chart: View, cohorts: View) -> Html:
    picture = map_picture.svg(chart)
    if not picture:
        return marks.empty("No map yet", "It is drawn together with the first groups.")
    legend = [
        tag("li", tag("span", "●", class_=kind, aria_hidden="true"), f" {words}")
        for kind, words in (("reference", "training"), ("clean", "clean traffic"), ("single", "in no group"))
    ]
    legend += [tag("li", dot(one["id"]), f" group {one['id']}") for one in cohorts["cohorts"]]
    shown = sum(chart["variance"])
    words = f"{shown:.0%} of all variation shows in these two directions."
    said = tag("p", "", class_="said", id="map-said", aria_live="polite")
    return tag(
        "figure",
        Html(picture),
        tag("figcaption", tag("ul", *legend, class_="legend"), words, said),
        class_="map",
    )


def _latest(found: View, verdict: str) -> Html:
    kinds = (("all", "all"), ("outlier", "outliers"), *((one, one) for one in ("adversarial", "unscored")))
    links = (
        tag(
            "li",
            link(
                marks.query("/outliers", verdict=kind) + "#calls",
                words,
                aria_current="true" if kind == (verdict or "all") else None,
            ),
        )
        for kind, words in kinds
    )
    chosen = tag("nav", tag("ul", *links), class_="chooser", aria_label="Verdicts")
    head = ("When", "Call", "Request", "#Status", "Verdict", "#Score", "#Took")
    rows = (
        [
            moment(one["started"]),
            call(one["id"]),
            tag("code", f"{one['method']} {one['target'][:60]}"),
            one["status"],
            verdict_of(one),
            number(one["score"]),
            seconds(one["duration_seconds"]),
        ]
        for one in found["exchanges"]
    )
    return marks.html((chosen, table(head, rows) or marks.empty("No such call", "None is kept.")))


def verdict_of(one: View) -> Html:
    """The verdict on a call, with its reason."""
    words = f"{one['verdict']}: {one['reason']}" if one["reason"] else one["verdict"]
    kinds = {"normal": "fine", "unscored": "off", "learning": "waiting"}
    return state(kinds.get(one["verdict"], "alarm"), words)
