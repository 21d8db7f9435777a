"""Facts of calls for tests, as the data plane would have them."""

from __future__ import annotations

import math

import numpy as np

from sidecar.exchange import DetectorScore, Evidence, Score
from sidecar.policy.known import Asked, Facts

FIELDS = (
    (b"Host", b"m"),
    (b"X-Team", b"red"),
    (b"X-Team", b"blue"),
    (b"X-Risk", b"0.75"),
    (b"Baggage", b"sidecar.chain=intent>slots"),
)

NAMES = ("a", "b")


def facts(
    *rows: tuple[float, ...],
    row_p: tuple[float, ...] = (0.5,),
    verdict: str = "normal",
    client: str = "10.0.0.7",
    method: str = "POST",
    target: str = "/v2/models/flight/infer?x=1",
    drift: str = 'feature-drift; feature="b"; since=@1790000000',
    evidence: tuple[Evidence, ...] = (),
) -> Facts:
    """A call with these rows, scored; without any it is not scored yet."""
    told = Facts(Asked(method, target, "m", FIELDS), client, drift)
    if rows:
        flagged = tuple(i for i, p in enumerate(row_p) if p <= 0.01)
        score = Score(
            verdict,
            min(row_p),
            row_p,
            flagged,
            (DetectorScore("ecod", 3.5, 0.25), DetectorScore("knn-5", 1.0, 0.5)),
            evidence=evidence,
            noise_p=0.25,
            inconsistent_p=0.5,
        )
        told.take(score, len(rows), NAMES, np.array(rows, dtype="<f8").tobytes())
    return told


def unscored(reason: str, told: Facts | None = None) -> Facts:
    """A call that could not be scored."""
    told = told or facts()
    told.take(Score("unscored", math.nan, reason=reason), 0, (), b"")
    return told
