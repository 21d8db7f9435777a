"""What is known of one call, for rules to ask: by its head, and by its score once there is one.

Counterpart: `sidecar.policy.facts` says of each fact what it is; here each is worked out when a rule first
asks.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from struct import Struct
from time import monotonic, time
from typing import Any, Generic, TypeVar
from urllib.parse import unquote

from sidecar.exchange import Evidence, Headers, Score, header
from sidecar.policy.meters import Meter
from sidecar.policy.row import Row, index_of
from sidecar.tracing.chain import chain

NONE: Mapping[str, Meter] = {}

UNKNOWN = Score("unscored", math.nan)


class Absent(Exception):
    """There is no score, so there is no such fact."""


T = TypeVar("T")


class Once(Generic[T]):
    """A property that is worked out when it is first asked for. `functools.cached_property` takes a lock for
    it in Python 3.11, which costs more than most facts."""

    def __init__(self, work: Callable[[Any], T]) -> None:
        self._work = work
        self._name = work.__name__
        self.__doc__ = work.__doc__

    def __get__(self, instance: Any, owner: type) -> T:
        found = self._work(instance)
        setattr(instance, self._name, found)  # which asking for its __dict__ would make slow to read
        return found


OF_THE_HEAD = frozenset({"method", "path", "host", "headers", "model", "chain"})
"""Facts that are the same for all calls with the same head."""


class Asked:
    """What the head of a call says: the same for all calls that begin with the same bytes."""

    def __init__(self, method: str, target: str, host: str, fields: Headers) -> None:
        self.method = method
        self.path = target.partition("?")[0]
        self.host = host
        self._fields = fields
        self.scope: tuple[object, Any] = (None, None)
        """Whose rules are for such calls, and these: see `Rulebook.course`."""

    @Once
    def headers(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, value in self._fields:
            key, text = name.decode("latin-1").lower(), value.decode("latin-1")
            found[key] = f"{found[key]}, {text}" if key in found else text
        return found

    @Once
    def model(self) -> str:
        return model_of(self.path)

    @Once
    def chain(self) -> tuple[str, ...]:
        return chain((header(self._fields, b"baggage") or b"").decode("latin-1"))


class Facts:
    """What is known of one call. `take` adds what scoring found.

    What most calls never change stands as a default in the class, so that making one stays cheap.
    """

    meters: Mapping[str, Meter] = NONE
    """By the id of each `rate(...)`."""
    wall: Callable[[], float] = staticmethod(time)
    """The present in Unix seconds, for those who ask."""
    scored = False
    """Whether scoring has had its say, be it that there is no score."""
    verdict: str = UNKNOWN.verdict
    rows = 0
    _score = UNKNOWN
    _names: tuple[str, ...] = ()
    _block = b""

    def __init__(self, asked: Asked, client: str, drift: str = "") -> None:
        self.asked = asked
        self.client = client
        self._drift = drift
        self.now = monotonic()
        """When the call came, in seconds of any clock that only goes forwards."""

    def take(self, score: Score, rows: int, names: tuple[str, ...], block: bytes) -> None:
        """Take in what scoring found: `block` is `Features.values` of `rows` rows, `names` its columns."""
        self.scored = True
        self._score = score
        self.verdict = score.verdict
        if score.p == score.p:
            self.p = score.p
        self.rows = rows
        self._names = names
        self._block = block

    # -- known from the head -------------------------------------------------------------------------

    @property
    def method(self) -> str:
        return self.asked.method

    @property
    def path(self) -> str:
        return self.asked.path

    @property
    def host(self) -> str:
        return self.asked.host

    @property
    def headers(self) -> dict[str, str]:
        return self.asked.headers

    @property
    def model(self) -> str:
        return self.asked.model

    @property
    def chain(self) -> tuple[str, ...]:
        return self.asked.chain

    @property
    def drift_state(self) -> str:
        return self._drift.partition(";")[0] or "unknown"

    @property
    def drift_subject(self) -> str:
        found = _SUBJECT.search(self._drift)
        return found[1] if found else ""

    # -- known from scoring --------------------------------------------------------------------------

    @property
    def reason(self) -> str:
        return self._score.reason

    @Once
    def p(self) -> float:
        raise Absent  # until `take` has found one

    @property
    def score(self) -> float:
        return 1.0 - self.p

    @property
    def flagged(self) -> int:
        return len(self._score.flagged)

    @Once
    def sequence(self) -> Evidence | None:
        return next((one for one in self._score.evidence if one.sign == "query-sequence"), None)

    @property
    def sequence_n(self) -> int:
        return self.sequence.n if self.sequence is not None else 0

    @property
    def sequence_seconds(self) -> float:
        return max(0.0, self.wall() - self.sequence.since) if self.sequence is not None else 0.0

    @property
    def sequence_clients(self) -> int:
        return self.sequence.clients if self.sequence is not None else 0

    @Once
    def features(self) -> Mapping[str, float]:
        odds = self._score.row_p
        worst = min(range(len(odds)), key=lambda i: (odds[i] != odds[i], odds[i])) if len(odds) > 1 else 0
        return self._row(self._block, worst)

    def feature(self, name: str) -> float:
        """What `features` has under a name, at less cost where there is one row."""
        if len(self._block) != 8 * len(self._names) or not self._block:
            return self.features[name]
        value: float = _double(self._block, 8 * index_of(self._names)[name])[0]
        return value

    @Once
    def lowest(self) -> Mapping[str, float]:
        return self._row(self._reduced(highest=False))

    @Once
    def highest(self) -> Mapping[str, float]:
        return self._row(self._reduced(highest=True))

    def _row(self, block: bytes, row: int = 0) -> Row:
        if not block:
            raise Absent
        return Row(block, row * len(self._names), index_of(self._names))

    def _reduced(self, *, highest: bool) -> bytes:
        """One row, with the least or the greatest value of each column; NaN where there is no other."""
        if self.rows <= 1 or not self._block:
            return self._block
        import numpy as np  # only here, so that policies can be checked without its third of a second

        rows = np.frombuffer(self._block, "<f8").reshape(-1, len(self._names))
        reduced: bytes = (np.fmax if highest else np.fmin).reduce(rows, axis=0).tobytes()
        return reduced

    @Once
    def detectors(self) -> dict[str, dict[str, float]]:
        if not self._score.detectors:
            raise Absent
        return {one.name: {"raw": one.raw, "p": one.p} for one in self._score.detectors}

    @property
    def noise_p(self) -> float:
        if self._score.noise_p != self._score.noise_p:
            raise Absent
        return self._score.noise_p

    @property
    def inconsistent_p(self) -> float:
        if self._score.inconsistent_p != self._score.inconsistent_p:
            raise Absent
        return self._score.inconsistent_p


_double = Struct("<d").unpack_from

_SUBJECT = re.compile(r'="((?:[^"\\]|\\.)*)"')
_MODEL = re.compile(r"/v[12]/models/([^/:]+)")


@lru_cache(maxsize=1024)
def model_of(path: str) -> str:
    """The model that a path of V1 or V2 names, or an empty string."""
    found = _MODEL.search(path[:512])
    return unquote(found[1]) if found else ""
