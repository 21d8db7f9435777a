"""The admin API of a running sidecar, as seen from outside: one question, one typed answer.

Whatever goes wrong becomes a SidecarError that names the address and what to do. Counterpart:
`sidecar.console.cohort_view`.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, TypeVar

import msgspec

from sidecar.errors import SidecarError, UsageError

PATIENCE = 180.0
"""Seconds to wait for an answer: a search may come first."""

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""A sidecar is next door, or at the end of a port-forward: proxies of the environment are not asked."""

Answer = TypeVar("Answer")


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


class Rows(msgspec.Struct, frozen=True):
    """`/api/v1/cohorts/{id}`, as far as it's exported."""

    id: int | str
    fields: tuple[Field, ...]
    rows: tuple[Row, ...]


def cohorts(admin: str, *, refresh: bool) -> Cohorts:
    """All cohorts; with `refresh` after a search for new ones. Raises SidecarError."""
    return _asked(admin, f"/api/v1/cohorts{'?refresh=true' if refresh else ''}", Cohorts)


def rows(admin: str, name: str) -> Rows:
    """The rows of one cohort, by its number or `singles`. Raises SidecarError."""
    return _asked(admin, f"/api/v1/cohorts/{urllib.parse.quote(name, safe='')}", Rows)


def _asked(admin: str, path: str, kind: type[Answer]) -> Answer:
    url = _base(admin) + path
    try:
        with _direct.open(url, timeout=PATIENCE) as reply:
            content = reply.read()
    except urllib.error.HTTPError as error:
        with error:
            raise SidecarError(_refused(admin, error)) from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise SidecarError(
            f"{admin}: no answer ({reason}); is this the admin address of a running sidecar, as `sidecar run"
            " --admin` has it?"
        ) from error
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.MsgspecError as error:
        raise SidecarError(
            f"{url}: an answer that this version cannot read ({error}); is that a sidecar's admin address?"
        ) from error


def _base(admin: str) -> str:
    parts = urllib.parse.urlsplit(admin)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UsageError(f"--admin {admin}: is not a URL such as http://127.0.0.1:9702")
    return admin.rstrip("/")


class _Problem(msgspec.Struct):
    detail: str


def _refused(admin: str, error: urllib.error.HTTPError) -> str:
    try:
        return f"{admin}: {msgspec.json.decode(error.read(), type=_Problem).detail}"
    except msgspec.MsgspecError:
        return f"{admin}: answered {error.code}; is that a sidecar's admin address?"
