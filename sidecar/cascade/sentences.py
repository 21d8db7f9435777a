"""What was found, in words. Pure; every number in them stands in the findings too."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from sidecar.cascade.pairs import EdgeFinding, Finding, Verdict


def sentence(
    verdict: Verdict,
    origin: str,
    changed: Sequence[Finding],
    broken: Sequence[EdgeFinding],
    outside: Sequence[Finding],
    findings: Sequence[Finding],
) -> str:
    """The answer as one plain sentence."""
    match verdict:
        case "model":
            when = f" at about {clock(changed[0].onset.likeliest)}" if changed[0].onset else ""
            return f"{origin} changed{when}: to like questions it no longer answers what it used to."
        case "edge":
            return (
                f"No model changed, but what {broken[0].target} is asked is no longer what"
                f" {broken[0].source} answers: look at what lies between them."
            )
        case "outside":
            first = outside[0]
            moved = _columns([one.column for one in first.asked_moved])
            return (
                f"None of the models: the outside world changed. What {first.model} is asked moved ({moved}),"
                " and every model answers like questions as before."
            )
        case "nothing":
            return "None: no model changed, and what they are asked is as before."
        case _:
            least = min((min(one.rows_before, one.rows_after) for one in findings), default=0)
            return f"Too few calls to say ({len(findings)} models, {least} rows on the shorter side)."


def evidence(
    verdict: Verdict,
    changed: Sequence[Finding],
    broken: Sequence[EdgeFinding],
    outside: Sequence[Finding],
    findings: Sequence[Finding],
) -> tuple[str, ...]:
    """The facts behind it, strongest first."""
    lines = [line for one in changed[:1] for line in _change(one)]
    lines += [f"{one.model} answers like questions otherwise too: {_measured(one)}" for one in changed[1:]]
    lines += [
        f"{one.source} -> {one.target}: {_columns([f'{a} = {b}' for a, b in one.broken])} no longer agree"
        for one in broken
    ]
    if verdict == "outside":
        lines += [
            f"{one.model} is asked otherwise: {_columns([m.column for m in one.asked_moved])} moved by"
            f" {one.asked_moved[0].distance:.2f} at most (p {one.asked_moved[0].p:.1g})"
            for one in outside
        ]
        lines += [
            f"{one.model} is unchanged: {_measured(one)}" for one in findings if one.pairs or one.replayed
        ]
    return tuple(lines)


def runner_up(others: Sequence[Finding]) -> str:
    """Who else it might have been, and why not."""
    if not others:
        return ""
    return f"{others[0].model}: {_measured(others[0])}"


def _change(one: Finding) -> list[str]:
    lines = [f"{one.model} ({one.part}): {_measured(one)}"]
    if one.onset is not None:
        between = f"between {clock(one.onset.earliest)} and {clock(one.onset.latest)}"
        lines.append(f"{one.model} changed {between}")
    old, new = one.versions
    if old != new:
        lines.append(f"{one.model} calls itself version {new or '(none)'}, before {old or '(none)'}")
    return lines


def _measured(one: Finding) -> str:
    if one.replayed is not None and one.replayed.steady and one.replayed.same + one.replayed.different:
        again = one.replayed.same + one.replayed.different
        return f"{one.replayed.different} of {again} old questions asked again are answered otherwise"
    if not one.pairs:
        return f"{one.rows_before} rows before and {one.rows_after} after are too few to compare"
    size = "no difference" if one.strength < 1.0 else f"{_number(one.strength)} standard deviations"
    return (
        f"{size} over {one.pairs} pairs of like questions (p {one.p:.2g}); {one.support:.0%} of the later"
        " questions had an earlier one like them"
    )


def _number(strength: float) -> str:
    return "beyond doubt" if math.isinf(strength) else f"{strength:.1f}"


def _columns(names: Sequence[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def clock(seconds: float) -> str:
    """Unix seconds as RFC 3339 to the second, UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
