"""`/api/v1/cohorts` and `/api/v1/map`: flagged rows in groups, one group with its rows, all rows on a map.

Pure functions of the state. Counterparts: `sidecar.observer.cohorts` holds it; `docs/cohorts.md` explains
every field; `sidecar.outliers` reads the rows to write files of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from sidecar import cohort
from sidecar.cohort import KeptRow, Trait
from sidecar.console.views import View, when
from sidecar.features import Field, Schema
from sidecar.observer.cohorts import LEAST, Cohort, Cohorts, Found
from sidecar.observer.kept_values import values
from sidecar.observer.observer import Observer

SINGLES = "singles"
"""What the flagged rows outside all cohorts are asked for as."""


def cohorts(observer: Observer) -> View:
    """Every cohort, the largest first, without its rows."""
    state, found = observer.cohorts, observer.cohorts.found
    return {
        "baseline": observer.traffic.digest,
        "searching": not state.settled.is_set(),
        "failure": state.failure,
        "note": _note(state),
        "rows_kept": len(state.flagged),
        **(_search(found, observer.settings.threshold) if found is not None else {"searched": None}),
        "cohorts": [_brief(one, found, state.rows) for one in found.cohorts] if found is not None else [],
        "singles": {"rows_kept": len(found.singles) if found is not None else 0},
    }


def one_cohort(observer: Observer, name: str) -> View | None:
    """One cohort with those of its rows that are kept, or what is in none as `singles`; None if unknown."""
    state, found, schema = observer.cohorts, observer.cohorts.found, observer.cohorts.schema
    if found is None or schema is None:
        return None
    if name == SINGLES:
        return {"id": SINGLES, **_rows(found.singles, state.rows, schema)}
    for one in found.cohorts:
        if str(one.id) == name:
            return {**_brief(one, found, state.rows), **_rows(one.group.members, state.rows, schema)}
    return None


def names(observer: Observer) -> list[str]:
    """What there is to ask `one_cohort` for."""
    found = observer.cohorts.found
    return [str(one.id) for one in found.cohorts] + [SINGLES] if found is not None else []


def chart(observer: Observer, limit: int) -> View:
    """Places of at most `limit` rows of each kind, of those that came after the last search, too."""
    state, found, schema = observer.cohorts, observer.cohorts.found, observer.cohorts.schema
    if found is None or found.map is None or schema is None:
        return {"searched": None, "note": _note(state), "reference": [], "clean": [], "flagged": []}
    owner = {serial: one.id for one in found.cohorts for serial in one.group.members}
    flagged, clean = (_some(rows, limit) for rows in (state.flagged, state.clean))
    width = len(schema.fields)
    return {
        "searched": when(found.asked),
        "note": "",
        "variance": found.map.shares,
        "reference": found.reference[:limit],
        "clean": [
            {**_called(row), "at": at}
            for row, at in zip(clean, found.map.place(cohort.values(clean, width)).tolist(), strict=True)
        ],
        "flagged": [
            {**_called(row), "at": at, "cohort": owner.get(row.serial)}
            for row, at in zip(flagged, found.map.place(cohort.values(flagged, width)).tolist(), strict=True)
        ],
    }


# -- parts -------------------------------------------------------------------------------------------


def _note(state: Cohorts) -> str:
    """Why there is nothing to see, or empty."""
    if state.schema is None:
        return "there is no baseline yet, so nothing was flagged"
    if state.found is None and len(state.flagged) < LEAST:
        return f"{len(state.flagged)} flagged rows are kept, and a search takes {LEAST}"
    return "" if state.found is not None else "no search has ended yet"


def _search(found: Found, threshold: float) -> View:
    return {
        "searched": when(found.asked),
        "took_seconds": found.took,
        "since": when(found.since),
        "rows_scored": found.scored,
        "rows_flagged": found.flagged,
        "rows_flagged_if_clean": found.scored * threshold,
        "rows_compared": found.compared,
    }


def _brief(one: Cohort, found: Found, rows: dict[int, KeptRow]) -> View:
    group = one.group
    members = [rows[serial] for serial in group.members if serial in rows]
    return {
        "id": one.id,
        "description": "; ".join(trait.words for trait in group.traits),
        "rows": one.rows,
        "rows_kept": len(group.members),
        "share_of_flagged": one.rows / max(1, found.flagged),
        "share_of_scored": one.rows / max(1, found.scored),
        "first": when(one.first),
        "last": when(one.last),
        "models": sorted({(row.model, row.version) for row in members}),
        "traits": [_trait(trait) for trait in group.traits],
        "together": {
            "share": group.together,
            "elsewhere": group.together_elsewhere,
            "training": group.together_training,
        },
        "ordinary_rows_inside": group.ordinary_inside,
        "examples": [_called(rows[serial]) for serial in group.examples if serial in rows],
    }


def _trait(trait: Trait) -> View:
    return {**msgspec.structs.asdict(trait), "effect": trait.effect}


def _called(row: KeptRow) -> View:
    """How to find the call that a row was in."""
    return {"id": row.request, "row": row.row, "time": when(row.time), "p": row.p}


def _rows(serials: Iterable[int], rows: dict[int, KeptRow], schema: Schema) -> View:
    kept = sorted((rows[serial] for serial in serials if serial in rows), key=lambda row: row.serial)
    return {
        "fields": [{"name": field.name, "kind": kind(field)} for field in schema.fields],
        "rows": [
            {**_called(row), "model": row.model, "version": row.version, "values": values(row, schema)}
            for row in kept
        ],
    }


def kind(field: Field) -> str:
    """How the values of a field are given: `number`, `boolean` or `text`."""
    return "text" if field.categories else "boolean" if field.kind == "boolean" else "number"


def _some(rows: Iterable[Any], limit: int) -> list[KeptRow]:
    """At most `limit` of the rows, evenly over the order in which they came."""
    kept = sorted((one.row for one in rows), key=lambda row: row.serial)
    few = min(limit, len(kept))
    return [kept[i * len(kept) // few] for i in range(few)]
