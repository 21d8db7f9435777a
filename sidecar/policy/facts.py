"""The facts that a rule may speak of: the table of them, and one call's.

`FACTS` is what expressions are checked against and what docs/policies.md lists. `Facts` holds the values of
one call, each worked out when a rule first asks. To add a fact: a row in the table, and a property of its
name (with `_` for a dot).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from time import monotonic, time
from typing import Any, Generic, Literal, NamedTuple, TypeVar
from urllib.parse import unquote

from sidecar.exchange import Evidence, Headers, Score, header
from sidecar.policy.meters import Meter
from sidecar.policy.row import Row, index_of
from sidecar.tracing.chain import chain

MAP = "map(string, double)"

DETECTOR_NUMBERS = ("raw", "p")
"""What is known of each detector."""


class Fact(NamedTuple):
    """One row: its CEL type, when it is known, and what it means.

    `stage` is `head` when it is known before the model is called, without the body; `score` when the request
    must be whole and looked at. `absent` says that it is not there when there is no score: a rule
    that needs it then goes by its `on-missing`. `values`: all that it can be; `low`, `high`: its bounds.
    """

    type: str
    stage: Literal["head", "score"]
    meaning: str
    example: str
    absent: bool = False
    values: tuple[str, ...] = ()
    low: float = -math.inf
    high: float = math.inf


VERDICTS = ("normal", "outlier", "adversarial", "unscored", "learning")
DRIFT_STATES = (
    "unknown", "stable", "skew", "feature-drift", "prediction-drift", "concept-drift",
    "feature-and-concept-drift", "upstream",
)  # fmt: skip

FACTS: dict[str, Fact] = {
    "method": Fact("string", "head", "The request's method.", 'method == "POST"'),
    "path": Fact("string", "head", "The raw path, without the query.", 'path.startsWith("/v2/models/")'),
    "host": Fact("string", "head", "The request's Host, as it was sent.", 'host == "flight.example.com"'),
    "client": Fact("string", "head", "The caller's address.", 'client.startsWith("10.")'),
    "headers": Fact(
        "map(string, string)",
        "head",
        "The request's fields by lower-case name; several of one name are joined by commas.",
        '"x-team" in headers && headers["x-team"] == "red"',
    ),
    "model": Fact(
        "string", "head", "The model that the path names; empty when it names none.", 'model == "flight"'
    ),
    "chain": Fact(
        "list(string)", "head", "The models that the call came through, first to last.", '"intent" in chain'
    ),
    "drift.state": Fact(
        "string",
        "head",
        "What `x-drift-state` says, without its parameters.",
        'drift.state == "feature-drift"',
        values=DRIFT_STATES,
    ),
    "drift.subject": Fact(
        "string", "head", "The feature, output or model that `x-drift-state` names.", 'drift.subject == "s5"'
    ),
    "verdict": Fact(
        "string", "score", "What `x-anomaly-verdict` says.", 'verdict == "outlier"', values=VERDICTS
    ),
    "reason": Fact(
        "string",
        "score",
        "Why a call is unscored; empty when it is not.",
        'reason.startsWith("missing-column")',
    ),
    "score": Fact(
        "double", "score", "The worst row's score, 1 - p.", "score > 0.999", absent=True, low=0.0, high=1.0
    ),
    "p": Fact(
        "double",
        "score",
        "The worst row's p-value: the share of clean traffic that is as odd.",
        "p <= 0.001",
        absent=True,
        low=0.0,
        high=1.0,
    ),
    "rows": Fact("int", "score", "Rows in the request; 0 when it could not be read.", "rows > 64", low=0),
    "flagged": Fact("int", "score", "Rows at or under the threshold.", "flagged > 3", low=0),
    "sequence.n": Fact(
        "int",
        "score",
        "Which of a sequence of questions near one another this one is; 0 when of none.",
        "sequence.n >= 3",
        low=0,
    ),
    "sequence.seconds": Fact(
        "double",
        "score",
        "How long ago that sequence began; 0 without one.",
        "sequence.seconds < 60.0",
        low=0.0,
    ),
    "sequence.clients": Fact(
        "int",
        "score",
        "How many callers asked it; 0 without one.",
        "sequence.clients > 1",
        low=0,
    ),
    "features": Fact(
        MAP,
        "score",
        "The worst row's values by name; NaN where missing.",
        'features["s5"] > 99.0',
        absent=True,
    ),
    "lowest": Fact(
        MAP, "score", "The least value of each feature over all rows.", 'lowest["s5"] < 0.0', absent=True
    ),
    "highest": Fact(
        MAP, "score", "The greatest value of each feature over all rows.", 'highest["s5"] > 99.0', absent=True
    ),
    "detectors": Fact(
        "map(string, map(string, double))",
        "score",
        "Each detector's `raw` score and `p` of the worst row.",
        'detectors["ecod"].p < 0.0001',
        absent=True,
    ),
    "noise.p": Fact(
        "double",
        "score",
        "The share of clean pictures with as much noise, of the noisiest row; absent without `--pixels`.",
        "noise.p <= 0.001",
        absent=True,
        low=0.0,
        high=1.0,
    ),
    "inconsistent.p": Fact(
        "double",
        "score",
        "The share of clean answers that shift as far when a picture is squeezed; the model is asked again.",
        "inconsistent.p <= 0.01",
        absent=True,
        low=0.0,
        high=1.0,
    ),
}
"""Every fact by its name."""

AGAIN = "inconsistent."
"""What facts begin with for which the model must be asked again."""


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
        found = instance.__dict__[self._name] = self._work(instance)
        return found


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
    """What is known of one call. `take` adds what scoring found."""

    def __init__(self, asked: Asked, client: str, drift: str = "") -> None:
        self.asked = asked
        self.method = asked.method
        self.path = asked.path
        self.host = asked.host
        self.client = client
        self._drift = drift
        self.now = monotonic()
        """When the call came, in seconds of any clock that only goes forwards."""
        self.wall = time
        """The present in Unix seconds, for those who ask."""
        self.meters: Mapping[str, Meter] = NONE
        """By the id of each `rate(...)`."""
        self.scored = False
        """Whether scoring has had its say, be it that there is no score."""
        self._score = UNKNOWN
        self._names: tuple[str, ...] = ()
        self._block = b""
        self.rows = 0

    def take(self, score: Score, rows: int, names: tuple[str, ...], block: bytes) -> None:
        """Take in what scoring found: `block` is `Features.values` of `rows` rows, `names` its columns."""
        self.scored = True
        self._score = score
        self.rows = rows
        self._names = names
        self._block = block

    # -- known from the head -------------------------------------------------------------------------

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

    def rate(self, meter: str, key: str) -> float:
        """Calls a second of those that have this key in common."""
        return self.meters[meter].rate(key, self.now)

    # -- known from scoring --------------------------------------------------------------------------

    @property
    def verdict(self) -> str:
        return self._score.verdict

    @property
    def reason(self) -> str:
        return self._score.reason

    @property
    def p(self) -> float:
        if self._score.p != self._score.p:
            raise Absent
        return self._score.p

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


NONE: Mapping[str, Meter] = {}

UNKNOWN = Score("unscored", math.nan)

_SUBJECT = re.compile(r'="((?:[^"\\]|\\.)*)"')
_MODEL = re.compile(r"/v[12]/models/([^/:]+)")


@lru_cache(maxsize=1024)
def model_of(path: str) -> str:
    """The model that a path of V1 or V2 names, or an empty string."""
    found = _MODEL.search(path[:512])
    return unquote(found[1]) if found else ""
