"""What is looked at in one call beside its score, and the verdict that comes of it.

Counterparts: `sidecar.proxy.judging` and `sidecar.proxy.squeezing`, which ask; `sidecar.baseline.noise` and
`sidecar.baseline.shifts`, which have measured what is clean.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec

from sidecar.defence import letters, noise, squeezing
from sidecar.defence.letters import Letters
from sidecar.defence.noise import Found, Noise
from sidecar.defence.pixels import layout
from sidecar.defence.squeezing import Shifts
from sidecar.errors import BaselineError
from sidecar.exchange import Evidence, Features, Payload, Score
from sidecar.scoring.baseline import Baseline


class Guard(NamedTuple):
    """What is known of clean inputs, and how rare is too rare."""

    noise: Noise | None = None
    shifts: Shifts | None = None
    threshold: float = 0.01
    letters: Letters | None = None

    def signs(self, asks_again: bool) -> tuple[str, ...]:
        """What is looked for, as kinds of evidence. `asks_again`: a rule has the model asked again."""
        known = {
            "noise": self.noise is not None,
            "inconsistent": self.shifts is not None and asks_again,
            "text": self.letters is not None,
        }
        return tuple(sign for sign, looked_for in known.items() if looked_for)

    def read(self, score: Score, features: Features, payload: Payload) -> Score:
        """The score with what is seen of the strangest text, which makes the call `adversarial` when it is
        too rare, whatever the detectors say."""
        if self.letters is None or not len(features.values):
            return score
        p, by = self.letters.found(features, payload)
        return accused(score, Evidence("text", p=p, by=by)) if p <= self.threshold else score

    def look(self, score: Score, features: Features) -> Score:
        """The score with what is seen of the noisiest row, which makes the call `adversarial` when it is too
        rare, whatever the detectors say."""
        if self.noise is None or not len(features.values):
            return score
        rows = self.noise.found(features.values)
        p, by = rows[0] if len(rows) == 1 else min(rows, key=lambda row: (math.isnan(row.p), row.p))
        score = msgspec.structs.replace(score, noise_p=p)
        return accused(score, Evidence("noise", p=p, by=by)) if p <= self.threshold else score

    def compared(self, score: Score, found: Found) -> Score:
        """The score once the model has been asked again."""
        score = msgspec.structs.replace(score, inconsistent_p=found.p)
        if found.p > self.threshold:
            return score
        return accused(score, Evidence("inconsistent", p=found.p, by=found.by))


def guard(baseline: Baseline | None, threshold: float = 0.01) -> Guard:
    """What `baseline` knows of clean inputs. Raises BaselineError when what it has stored is not that."""
    if baseline is None:
        return Guard(threshold=threshold)
    try:
        if not baseline.pixels:
            return Guard(threshold=threshold, letters=letters.from_arrays(baseline.schema, baseline.clean))
        found = layout(baseline.pixels)
        if found.values != len(baseline.schema.fields):
            raise ValueError(f"{found} pixels are not the {len(baseline.schema.fields)} fields it has")
        return Guard(
            noise.from_arrays(found, baseline.clean),
            squeezing.from_arrays(found, baseline.clean),
            threshold,
        )
    except ValueError as error:
        raise BaselineError(f"{baseline.directory}: {error}") from error


def accused(score: Score, evidence: Evidence) -> Score:
    """The same score with a sign that the call is an attack."""
    return msgspec.structs.replace(score, verdict="adversarial", evidence=(*score.evidence, evidence))
