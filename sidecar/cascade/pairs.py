"""The nouns of a cascade: what sidecars tell of their models, and what comes of it.

    Witness of every sidecar -> stages -> findings -> Answer

A witness is what one sidecar knows without the others: pairs of a question and its answer, sampled by trace,
so that all sidecars of a chain keep the same calls; and edges. Counterparts: `sidecar.observer.paired` keeps
the pairs, `sidecar.peers` fetches them, `sidecar.cascade.decision` answers.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Value: TypeAlias = float | bool | str | None


class Row(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One row of a call. `began` and `ended` are the call's, in Unix seconds; `row` is its number in it."""

    id: str
    trace: str
    row: int
    began: float
    ended: float
    version: str
    asked: tuple[Value, ...]
    answered: tuple[Value, ...]


class Pairs(msgspec.Struct, frozen=True):
    """Rows of one model and route, oldest first; `asked` and `answered` name their columns."""

    model: str
    route: str
    asked: tuple[str, ...]
    answered: tuple[str, ...]
    rows: tuple[Row, ...]


class Replayed(msgspec.Struct, frozen=True):
    """What came of asking the model old questions again. `same` and `different` count the answers of the last
    round; `steady` says that the model was seen to answer alike twice, without which a difference means
    nothing. `same_until` and `different_since` are Unix seconds, 0 for never."""

    same: int = 0
    different: int = 0
    steady: bool = False
    same_until: float = 0.0
    different_since: float = 0.0


class Witness(msgspec.Struct, frozen=True):
    """Everything that one sidecar tells: its own service name, pairs, edges (source, target), replays."""

    service: str
    pairs: tuple[Pairs, ...]
    edges: tuple[tuple[str, str], ...] = ()
    replayed: Replayed | None = None


class Made(msgspec.Struct, frozen=True, array_like=True):
    """An answer that a model gave: its digest, the trace and our CLIENT span of the call, and whether what it
    was asked looked odd."""

    digest: int
    trace: str
    span: str
    odd: bool = False


class Lineage(msgspec.Struct, frozen=True):
    """What one sidecar tells the others now and then. `next`: where to go on asking. `drifted_since`: when
    its model began to drift (Unix seconds, 0 if it doesn't); `origin`: the model that this comes from as far
    as it knows, itself or an earlier one."""

    service: str
    next: int
    made: tuple[Made, ...] = ()
    drifted_since: float = 0.0
    origin: str = ""


class Moved(msgspec.Struct, frozen=True):
    """A column whose values moved: the Kolmogorov-Smirnov distance before and after, and its p."""

    column: str
    distance: float
    p: float


class Onset(msgspec.Struct, frozen=True):
    """When a change came: likeliest, and between which moments with 95 %. Unix seconds."""

    likeliest: float
    earliest: float
    latest: float


class Finding(msgspec.Struct, frozen=True):
    """What was found of one model.

    `p` is of so large a difference between like questions if the model were the same, `strength` the same in
    standard deviations, `pairs` how many were compared and `support` the share of later questions that had
    an earlier one like them. `part`: what was compared, `answers` or `questions to X` (the next model).
    """

    model: str
    changed: bool
    p: float
    strength: float
    pairs: int
    support: float
    part: str
    rows_before: int
    rows_after: int
    onset: Onset | None = None
    versions: tuple[str, str] = ("", "")
    """The commonest before and after."""
    asked_moved: tuple[Moved, ...] = ()
    answered_moved: tuple[Moved, ...] = ()
    replayed: Replayed | None = None


class EdgeFinding(msgspec.Struct, frozen=True):
    """What was found of one edge: columns (source's answer, target's question) that were alike before, and
    of those the ones that no longer are."""

    source: str
    target: str
    fed: tuple[tuple[str, str], ...]
    broken: tuple[tuple[str, str], ...]


Verdict: TypeAlias = Literal["model", "edge", "outside", "nothing", "unknown"]


class Answer(msgspec.Struct, frozen=True):
    """Who broke the chain. `origin` names a model, or an edge as `a -> b`, or nobody."""

    verdict: Verdict
    origin: str
    since: float
    sentence: str
    evidence: tuple[str, ...]
    runner_up: str
    suffers: tuple[str, ...]
    models: tuple[Finding, ...]
    edges: tuple[EdgeFinding, ...]
