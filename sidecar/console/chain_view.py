"""`/api/v1/chain` and `/api/v1/pairs`: the edges at this model, how its own calls were joined to those it was
answering, and its questions and answers beside each other.

Counterpart: `sidecar.peers`, which asks for them from outside.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from sidecar.cascade import Witness, answer
from sidecar.cascade.pairs import Lineage
from sidecar.console.views import View
from sidecar.observer.edges import Counts
from sidecar.observer.observer import Observer
from sidecar.peers.gathering import gathered, merged


def graph(observer: Observer) -> View:
    """The graph as far as this sidecar sees it."""
    edges = observer.edges
    return {
        "service": edges.service,
        "edges": [
            {"source": edge.source, "target": edge.target, **_counts(counts)}
            for edge, counts in sorted(edges.counts.items())
        ],
        "joins": edges.joins,
        "tools": {"waiting": observer.tools.waiting, "unknown": observer.tools.unknown},
    }


def lineage(observer: Observer, after: int) -> Lineage:
    """What our model answered lately, by digest, and since when and because of whom it drifts."""
    following, made = observer.lineage.offered(after)
    since = observer.drifting_since()
    service = observer.edges.service
    origin = (observer.earlier_model(since) or service) if since else ""
    return Lineage(service, following, made, since, origin)


def cascade(ours: Witness, addresses: Sequence[str], since: float, token: str = "") -> View:
    """`/api/v1/cascade`: who broke the chain, as far as we and those at `addresses` know. Asks them with this
    token, so it takes its time."""
    others = gathered(addresses, token)
    found = answer(merged([ours, *(one for one in others.witnesses if one.service != ours.service)]), since)
    return {**msgspec.to_builtins(found), "missing": others.missing}


def witness(observer: Observer) -> Witness:
    """What this sidecar can tell of who broke the chain."""
    edges = tuple((one.source, one.target) for one in sorted(observer.edges.counts) if not one.is_of_tool)
    return Witness(observer.edges.service, observer.paired.pairs(), edges, observer.canary.replayed)


def _counts(counts: Counts) -> dict[str, object]:
    alone = counts.calls - counts.upstream_odd
    return {
        "calls": counts.calls,
        "rows": counts.rows,
        "failed": counts.failed,
        "flagged": counts.flagged,
        "upstream_odd": counts.upstream_odd,
        # Of the calls whose sender was answering an odd question, and of the others: how many look odd here.
        "flagged_given_upstream_odd": _share(counts.both, counts.upstream_odd),
        "flagged_given_upstream_normal": _share(counts.flagged - counts.both, alone),
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
