"""The facts that a rule may speak of, in one table.

`FACTS` is what expressions are checked against and what docs/policies.md lists. Counterpart:
`sidecar.policy.known` has the values of one call. To add a fact: a row here, and a property of its name there
(with `_` for a dot).
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

MAP = "map(string, double)"

DETECTOR_NUMBERS = ("raw", "p")
"""What is known of each detector."""


class Fact(NamedTuple):
    """One row: its CEL type, when it is known, and what it means.

    `stage` is `head` when it is known before the model is called, without the body; `score` when the request
    must be whole and looked at. `absent` says that it is not there when there is no score: a rule
    that needs it then goes by its `fail`. `values`: all that it can be; `low`, `high`: its bounds.
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
        'reason.startsWith("schema-mismatch")',
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
