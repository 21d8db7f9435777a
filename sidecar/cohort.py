"""The nouns of cohorts, and the files by which two processes speak of them.

    kept rows -> Question -> a process that groups them -> Answer -> cohorts with a number that lasts

The observer (`sidecar.observer.cohorts`) keeps rows, asks, and numbers what it's told; a short-lived process
(`sidecar.baseline.cohorts`) has scikit-learn and answers. Both files are msgpack, read against these types.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec
import numpy as np

from sidecar.exchange import Matrix
from sidecar.projection import Projection


class KeptRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One row of a call, with what it takes to find the call again.

    `serial` is the observer's own number for it: the request id is the caller's, who may use one twice.
    `values` are the row's values as `Features.values` has them, little-endian float64. `new` holds the
    names of categories that the reference didn't know, by field: their code says only that they are new.
    `answer` are the values of the model's answer to it, by the fields of the baseline's answers; empty where
    it wasn't read, or there are none.
    """

    serial: int
    request: str
    row: int
    time: float
    """When the call began, Unix seconds."""
    p: float
    model: str
    version: str
    values: bytes
    new: dict[str, str] = {}
    answer: bytes = b""


class Question(msgspec.Struct, frozen=True):
    """Which groups are there? `clean` are rows that were not flagged, as `KeptRow.values` has them, one after
    the other. `previous` is the last map."""

    baseline: str
    """Directory of the baseline against which the rows were laid out."""
    flagged: tuple[KeptRow, ...]
    clean: bytes
    previous: Projection | None = None


class Trait(msgspec.Struct, frozen=True):
    """What one field is like in a group, and seldom elsewhere.

    A number lies from `low` to `high`; a category or boolean is `value`, which is empty for a category that
    the reference doesn't know; or it is missing. `share` of the group's rows are so, and `elsewhere` of clean
    rows; the difference is the effect (Youden's J of the rule).
    """

    field: str
    kind: Literal["number", "category", "missing"]
    share: float
    elsewhere: float
    words: str
    low: float = math.nan
    high: float = math.nan
    value: str = ""

    @property
    def effect(self) -> float:
        """From 0, as everywhere, to 1, only here."""
        return self.share - self.elsewhere


class Group(msgspec.Struct, frozen=True):
    """Flagged rows that are alike, by their serials; `examples` are the most typical, the medoid first.
    `together` and `together_elsewhere` are the shares of its rows and of clean rows for which all of `traits`
    hold at once."""

    members: tuple[int, ...]
    examples: tuple[int, ...]
    traits: tuple[Trait, ...]
    together: float
    together_elsewhere: float
    ordinary_inside: int
    """Training or clean rows that lie in the midst of the group."""
    together_training: float | None = None
    """The share of training rows for which all of `traits` hold at once: 0 where the group is a gap in them.
    None in what an earlier version found."""


class Answer(msgspec.Struct, frozen=True):
    """The groups, the largest first, and a map of all rows. `reference` are places of training rows on it."""

    groups: tuple[Group, ...]
    map: Projection | None = None
    reference: tuple[tuple[float, float], ...] = ()
    compared: int = 0
    """Clean rows that the groups were compared with."""


def values(rows: tuple[KeptRow, ...] | list[KeptRow], fields: int) -> Matrix:
    """The values of rows, shape (rows, fields)."""
    return matrix(b"".join(row.values for row in rows), fields)


def matrix(block: bytes, fields: int) -> Matrix:
    """A block of little-endian float64 as (rows, fields). Raises ValueError when it has no whole rows."""
    return np.frombuffer(block, dtype="<f8").astype(np.float64, copy=False).reshape(-1, fields)


_encoder = msgspec.msgpack.Encoder()
_questions = msgspec.msgpack.Decoder(Question)
_answers = msgspec.msgpack.Decoder(Answer)


def written(message: Question | Answer) -> bytes:
    """A question or answer as the content of a file."""
    return _encoder.encode(message)


def question(content: bytes) -> Question:
    """The question in a file. Raises msgspec.MsgspecError when there is none."""
    return _questions.decode(content)


def answer(content: bytes) -> Answer:
    """The answer in a file. Raises msgspec.MsgspecError when there is none."""
    return _answers.decode(content)
