"""What is in force, what it did, what it would have done, and what is wrong with it. Pure functions."""

from __future__ import annotations

from sidecar.console.pages import marks
from sidecar.console.pages.marks import card, moment, state, tag
from sidecar.console.pages.outliers import call
from sidecar.console.views import View
from sidecar.report.tables import Html, table
from sidecar.report.units import number, seconds, share

SOURCE = "/api/v1/policies"


def parts(found: View, calls: int) -> list[Html]:
    """What stands on the page. `calls`: all calls since the start, that hits are a share of."""
    if not found["setting"]:
        words = (
            "Every call passes. A policy is a small file that says what happens to a call by its score:"
            " start the sidecar with --policy FILE; policies/ in the checkout has some to begin with."
        )
        return [card("policies", "Policies", marks.empty("No policy is set", words), source=SOURCE)]
    return [
        card("files", "The files", _files(found), source=SOURCE),
        *(_policy(number_, one, calls) for number_, one in enumerate(found["policies"])),
        *([_shadows(found)] if _shadowing(found) else []),
        *([_alerts(found)] if found["alerts"] else []),
    ]


def _files(found: View) -> Html:
    changes = found["changes"]
    wrong = tag("ul", *(tag("li", tag("code", one)) for one in found["errors"]), class_="wrong")
    good = state("fine", f"In force, digest {found['digest'] or '–'}")
    bad = state("alarm", "The files as they are now cannot be used; the last good ones are in force")
    warnings = tag("ul", *(tag("li", one) for one in found["warnings"]), class_="small")
    return marks.html(
        (
            tag("p", bad if found["errors"] else good),
            wrong if found["errors"] else "",
            warnings if found["warnings"] else "",
            marks.facts(
                [
                    ("Setting", tag("code", found["setting"])),
                    ("Applied", _change(changes["applied"], changes["applied_at"])),
                    ("Refused", _change(changes["refused"], changes["refused_at"])),
                ]
            ),
        )
    )


def _change(count: int, last: str | None) -> Html:
    times = f"{count:,} change{'s' if count != 1 else ''}"
    return marks.html((times, ", the last at ", moment(last)) if last else (times,))


def _policy(place: int, one: View, calls: int) -> Html:
    head = ("Rule", "When", "Does", "#Applied", "#Of all calls", "#Would have", "#Could not tell")
    rows = (
        [
            rule["name"],
            tag("code", rule["when"]),
            f"{rule['action']} (dry run)" if rule["dry_run"] else rule["action"],
            number(rule["applied"]),
            share((rule["applied"] or rule["would_have_applied"]) / max(1, calls)),
            number(rule["would_have_applied"]),
            tag("strong", number(rule["errors"]), class_="alarmed") if rule["errors"] else "0",
        ]
        for rule in one["rules"]
    )
    threshold = f"; flags at p ≤ {one['threshold']:g}" if one["threshold"] else ""
    words = (
        f"{one['description']} Shows scores to: {one['expose'] or 'as set'}{threshold}. {one['file']}".strip()
    )
    return card(f"policy-{place}", one["name"], table(head, rows), means=words, source=SOURCE)


def _shadowing(found: View) -> list[tuple[str, View]]:
    """Rules that have another model asked, too, with what came of it."""
    return [
        (f"{policy['name']}/{rule['name']}", rule["shadow"])
        for policy in found["policies"]
        for rule in policy["rules"]
        if "shadow" in rule
    ]


def _shadows(found: View) -> Html:
    head = ("Rule", "Asks", "What came of it", "#Rows that differ", "#Takes", "#The model takes")
    rows = []
    for name, one in _shadowing(found):
        outcomes = one["outcomes"]
        both = sum(count for outcome, count in outcomes.items() if outcome not in UNCOMPARED)
        came = ", ".join(f"{outcome} {count:,}" for outcome, count in outcomes.items())
        differing = share(one["differing"] / one["rows"]) if one["rows"] else "–"
        times = [seconds(total / both) if both else "–" for total in (one["other_seconds"], one["seconds"])]
        rows.append([name, tag("code", one["to"]), came or "nothing yet", differing, *times])
    latest = (
        [moment(one["time"]), one["rule"], call(one["request_id"]), one["outcome"], one["column"]]
        for one in found["shadowed"][:20]
    )
    drawn = [table(head, rows)]
    if found["shadowed"]:
        drawn.append(table(("When", "Rule", "Call", "Differs in", "Column"), latest))
    return card("shadows", "Other models that are asked, too", marks.html(drawn), source=SOURCE)


UNCOMPARED = ("failed", "too-large", "dropped", "away")
"""Outcomes without an answer of the other model."""


def _alerts(found: View) -> Html:
    rows = (
        [moment(one["time"]), one["rule"], call(one["request_id"]), one["verdict"], number(one["p"])]
        for one in found["alerts"][:20]
    )
    drawn = table(("When", "Rule", "Call", "Verdict", "#p"), rows)
    return card("alerts", "Latest alerts of rules", drawn, source=SOURCE)
