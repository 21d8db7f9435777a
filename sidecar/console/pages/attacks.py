"""Inputs that look made to fool the model: who sends them, why that is thought, and what policy did. Pure
functions."""

from __future__ import annotations

from sidecar.console.pages import marks
from sidecar.console.pages.marks import card, moment, tag
from sidecar.console.pages.outliers import call
from sidecar.console.views import View
from sidecar.report.tables import Html, table
from sidecar.report.units import number

SOURCE = "/api/v1/attacks"

WORDS = {
    "query-sequence": "questions that walk around one input",
    "noise": "noise that clean pictures don't have",
    "inconsistent": "an answer that flips when the picture is squeezed",
    "text": "a text with hidden characters, mixed alphabets or a strange stretch",
}
"""Sign -> what it means."""

_MEANS = (
    "An attacker's input is not far from the data, it is made. Signs of that are counted here by whoever"
    " sent them; a careful attacker leaves none."
)


def parts(found: View) -> list[Html]:
    """What stands on the page. `found`: of `/api/v1/attacks`."""
    if not found["calls_total"] and not found["calls"]:
        words = "Crude ones show as outliers; what is looked for depends on inputs and policies."
        nothing = marks.empty("No call was called adversarial", words)
        return [card("attacks", "Made inputs", nothing, means=_MEANS, source=SOURCE)]
    return [
        card("attacks", "Made inputs", _summary(found), means=_MEANS, source=SOURCE),
        card("clients", "Who sends them", _clients(found), source=SOURCE),
        card("calls", "Latest of them", _calls(found), source=SOURCE),
    ]


def _summary(found: View) -> Html:
    clients = len(found["clients"])
    numbers = tag(
        "div",
        marks.figure_number(number(found["calls_total"]), "calls were called adversarial since the start"),
        marks.figure_number(number(found["calls_kept"]), "of them are kept, and shown below"),
        marks.figure_number(number(clients), f"client{'s' if clients != 1 else ''} sent those"),
        class_="stats",
    )
    rows = ([sign, WORDS.get(sign, ""), number(count)] for sign, count in found["signs"].items())
    return marks.html((numbers, table(("Sign", "What it means", "#Calls"), rows)))


def _clients(found: View) -> Html:
    head = ("Client", "#Calls", "First", "Last", "Signs", "#Longest sequence", "Since", "What policy did")
    rows = (
        [
            tag("code", one["client"] or "–"),
            number(one["calls"]),
            moment(one["first"]),
            moment(one["last"]),
            ", ".join(f"{sign}: {count:,}" for sign, count in one["signs"].items()),
            number(one["longest_sequence"] or None),
            moment(one["sequence_since"], "–"),
            ", ".join(f"{action}: {count:,}" for action, count in one["actions"].items()),
        ]
        for one in found["clients"]
    )
    return table(head, rows)


def _calls(found: View) -> Html:
    rows = (
        [
            moment(one["started"]),
            call(one["id"]),
            tag("code", one["client"] or "–"),
            one["status"],
            "; ".join(map(_sign, one["evidence"])),
            f"{one['action']} by {one['rule']}",
        ]
        for one in found["calls"]
    )
    return table(("When", "Call", "Client", "#Status", "Why", "What policy did"), rows)


def _sign(one: View) -> str:
    if one["sign"] == "query-sequence":
        by = "one client" if one["clients"] == 1 else f"{one['clients']} clients"
        return f"question {one['n']} of a sequence by {by}"
    return f"{one['sign']}: {one['by']}, p = {number(one['p'])}"
