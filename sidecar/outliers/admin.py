"""Cohorts of a running sidecar, as its admin API tells them. Counterpart: `sidecar.console.cohort_view`."""

from __future__ import annotations

import urllib.parse
from collections.abc import Sequence
from typing import Any

import msgspec

from sidecar.asking import asked
from sidecar.errors import SidecarError


class Example(msgspec.Struct, frozen=True):
    """How to find a row's call again."""

    id: str
    row: int
    time: str
    p: float


class Cohort(msgspec.Struct, frozen=True):
    """One group, without its rows."""

    id: int
    description: str
    rows: float
    rows_kept: int
    share_of_flagged: float
    share_of_scored: float
    first: str
    last: str
    examples: tuple[Example, ...]


class Singles(msgspec.Struct, frozen=True):
    """Flagged rows outside all cohorts."""

    rows_kept: int


class Cohorts(msgspec.Struct, frozen=True):
    """`/api/v1/cohorts`, as far as it's shown. The counts are None before the first search."""

    baseline: str
    failure: str
    note: str
    rows_kept: int
    searched: str | None
    cohorts: tuple[Cohort, ...]
    singles: Singles
    since: str | None = None
    rows_scored: int = 0
    rows_flagged: int = 0
    rows_flagged_if_clean: float = 0.0


class Field(msgspec.Struct, frozen=True):
    """A field of the rows; `kind` is `number`, `boolean` or `text`."""

    name: str
    kind: str


class Row(msgspec.Struct, frozen=True):
    """One flagged row; `values` has an entry for each field, None where missing."""

    id: str
    row: int
    time: str
    p: float
    model: str
    version: str
    values: tuple[Any, ...]
    cohort: str = ""
    """Where rows of several are together: the one it's in."""


class Rows(msgspec.Struct, frozen=True):
    """`/api/v1/cohorts/{id}`, as far as it's exported."""

    id: int | str
    fields: tuple[Field, ...]
    rows: tuple[Row, ...]


def cohorts(admin: str, *, refresh: bool) -> Cohorts:
    """All cohorts; with `refresh` after a search for new ones. Raises SidecarError."""
    return asked(admin, f"/api/v1/cohorts{'?refresh=true' if refresh else ''}", Cohorts)


def joined(admin: str, names: Sequence[str]) -> Rows:
    """The rows of one or more cohorts, each knowing its own. Raises SidecarError, also when one has none."""
    found = [rows(admin, name) for name in names]
    for one in found:
        if not one.rows:
            raise SidecarError(f"{admin}: cohort {one.id} has no rows that are kept")
        if one.fields != found[0].fields:
            raise SidecarError(f"{admin}: the baseline was changed meanwhile; list the cohorts again")
    return Rows(
        " and ".join(str(one.id) for one in found),
        found[0].fields,
        tuple(msgspec.structs.replace(row, cohort=str(one.id)) for one in found for row in one.rows),
    )


def rows(admin: str, name: str) -> Rows:
    """The rows of one cohort, by its number or `singles`. Raises SidecarError."""
    return asked(admin, f"/api/v1/cohorts/{urllib.parse.quote(name, safe='')}", Rows)
