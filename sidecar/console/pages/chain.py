"""Who feeds whom, who broke the chain, and what it is called on. Pure functions.

Who broke it takes asking the other sidecars, so it is said when asked for, and how long ago that was.
"""

from __future__ import annotations

from sidecar.console.pages import marks
from sidecar.console.pages.chain_pictures import graph, onsets, ordered, stretch
from sidecar.console.pages.marks import card, dated, link, moment, state, tag
from sidecar.console.views import View, when
from sidecar.report.tables import Html, table
from sidecar.report.units import number, share

KINDS = {"model": "alarm", "edge": "alarm", "outside": "watch", "nothing": "fine", "unknown": "waiting"}
"""What was answered -> the state it shows as."""

_GRAPH = "Arrows are calls, as far as this sidecar sees them and its peers tell. A thick frame is this model."
_BLAME = (
    "Every sidecar of the chain is asked for its questions and answers; a model is to blame when it"
    " answers like questions otherwise, and did so first."
)
_EDGES = (
    "Where a model is fed odd things and its own inputs look odd then, the trouble comes from before it."
    " Compare the last two columns."
)


def parts(found: View, answer: View | None, asked: float, peers: int, rows: list[View]) -> list[Html]:
    """What stands on the page. `answer`: of `/api/v1/cascade`, with when it was `asked` for; `rows`: of the
    six failure modes the one of cascades."""
    if not found["edges"] and answer is None and not peers:
        words = (
            "No other model is known: none names itself in the calls that come, and this one calls none"
            " through the egress. Set peers to the admin addresses of the others, and --egress for the"
            " model's own calls."
        )
        return [
            card("graph", "Chain of models", marks.empty("This model stands alone", words), source=_CHAIN)
        ]
    drawn = graph(found["service"], found["edges"], answer)
    return [
        card(
            "blame",
            "Who broke the chain",
            _blame(answer, asked, rows),
            means=_BLAME,
            source="/api/v1/cascade",
        ),
        card("graph", "Who feeds whom", tag("figure", drawn, class_="graph"), means=_GRAPH, source=_CHAIN),
        *([_models(answer)] if answer is not None and answer["models"] else []),
        card("edges", "What passes", _edges(found), means=_EDGES, source=_CHAIN),
    ]


_CHAIN, _CASCADE = "/api/v1/chain", "/api/v1/cascade"


def _blame(answer: View | None, asked: float, rows: list[View]) -> Html:
    ask = tag("p", link("/chain?ask=true", "Ask all of them now", class_="button"))
    now = [tag("p", state(one["state"]), " ", one["evidence"]) for one in rows]
    if answer is None:
        return marks.html((*now, ask))
    evidence = [tag("li", dated(one)) for one in answer["evidence"]]
    suffers, runner_up = ", ".join(answer["suffers"]), answer["runner_up"]
    return marks.html(
        (
            tag("p", state(KINDS[answer["verdict"]], answer["origin"] or "Nobody"), class_="big"),
            tag("p", dated(answer["sentence"])),
            tag("ul", *evidence, class_="evidence") if evidence else "",
            tag("p", f"Suffers from it: {suffers}.") if suffers else "",
            tag("p", "Next to be suspected: ", dated(runner_up), class_="small") if runner_up else "",
            *(tag("p", f"Not heard: {one}", class_="wrong") for one in answer["missing"]),
            tag("p", "Asked ", moment(when(asked)), class_="small"),
            ask,
        )
    )


def _models(answer: View) -> Html:
    head = (
        "Model",
        "Changed",
        "#Strength",
        "#p",
        "#Questions compared",
        "Questions moved",
        "Answers moved",
        "Version",
    )
    rows = (
        [
            one["model"],
            state("alarm", "yes") if one["changed"] else "no" if one["pairs"] else "too few to tell",
            number(one["strength"]),
            number(one["p"]),
            number(one["pairs"]),
            ", ".join(moved["column"] for moved in one["asked_moved"][:4]) or "no",
            ", ".join(moved["column"] for moved in one["answered_moved"][:4]) or "no",
            " → ".join(dict.fromkeys(filter(None, one["versions"]))),
        ]
        for one in ordered(answer)
    )
    begin, end = map(when, stretch(answer))
    between = ("The bars lie between ", moment(begin), " and ", moment(end), ".") if begin else ()
    picture = tag("figure", onsets(answer), tag("figcaption", *between), class_="graph") if begin else ""
    body = marks.html((picture, table(head, rows)))
    words = "When each model's answers to like questions began to differ, with 95 %, on one line of time."
    return card("models", "Model by model", body, means=words, source=_CASCADE)


def _edges(found: View) -> Html:
    head = ("From", "To", "#Calls", "#Failed", "#Flagged", "#After odd ones", "#After others")
    rows = (
        [
            edge["source"],
            edge["target"],
            *(number(edge[name]) for name in ("calls", "failed", "flagged")),
            share(edge["flagged_given_upstream_odd"]),
            share(edge["flagged_given_upstream_normal"]),
        ]
        for edge in found["edges"]
    )
    joins = ", ".join(f"{how}: {count:,}" for how, count in found["joins"].items())
    told = tag("p", f"The model's own calls were joined by {joins}.", class_="small") if joins else ""
    return marks.html((table(head, rows) or marks.empty("No edges yet", "They come with the calls."), told))
