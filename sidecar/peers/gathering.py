"""Asks every sidecar of a chain for what it knows, all at once, and lays together what pods of one model say.

One that doesn't answer is named and left out: half a chain is better than none. Counterparts:
`sidecar.console.chain_view` answers, `sidecar.cascade` makes sense of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from sidecar.asking import asked
from sidecar.cascade import Pairs, Replayed, Witness
from sidecar.errors import SidecarError

PATIENCE = 10.0
"""Seconds that one sidecar may take."""

AT_ONCE = 16


class Gathered(NamedTuple):
    """Witnesses, one for each service, and what the others said in place of an answer."""

    witnesses: tuple[Witness, ...]
    missing: tuple[str, ...]


def gathered(addresses: Sequence[str], token: str | None = None) -> Gathered:
    """What all of them tell. `token` as `sidecar.asking.asked` has it."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda address: _asked(address, token), addresses))
    found = [one for one in answers if isinstance(one, Witness)]
    return Gathered(merged(found), tuple(str(one) for one in answers if isinstance(one, SidecarError)))


def _asked(address: str, token: str | None) -> Witness | SidecarError:
    try:
        return asked(address, "/api/v1/pairs", Witness, patience=PATIENCE, token=token)
    except SidecarError as error:
        return error


def merged(witnesses: Iterable[Witness]) -> tuple[Witness, ...]:
    """One witness for each service: pods of one model are one model."""
    by_service: dict[str, list[Witness]] = {}
    for one in witnesses:
        by_service.setdefault(one.service, []).append(one)
    return tuple(_together(pods) if len(pods) > 1 else pods[0] for pods in by_service.values())


def _together(pods: Sequence[Witness]) -> Witness:
    pairs: dict[tuple[str, str, tuple[str, ...], tuple[str, ...]], list[Pairs]] = {}
    for pod in pods:
        for one in pod.pairs:
            pairs.setdefault((one.model, one.route, one.asked, one.answered), []).append(one)
    return Witness(
        pods[0].service,
        tuple(
            Pairs(*name, tuple(sorted((row for one in ours for row in one.rows), key=lambda row: row.began)))
            for name, ours in pairs.items()
        ),
        tuple(sorted({edge for pod in pods for edge in pod.edges})),
        _replayed([pod.replayed for pod in pods if pod.replayed is not None]),
    )


def _replayed(found: Sequence[Replayed]) -> Replayed | None:
    """All pods' replays as one: the model is steady if it was everywhere."""
    if not found:
        return None
    since = [one.different_since for one in found if one.different_since]
    return Replayed(
        sum(one.same for one in found),
        sum(one.different for one in found),
        all(one.steady for one in found),
        max(one.same_until for one in found),
        min(since, default=0.0),
    )
