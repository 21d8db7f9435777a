"""What is played to the model, phase by phase, from the parts of the flight.

Outliers come among clean calls, one for forty, as they come in life: a few odd rows are no drift,
and the sidecar must tell the two apart. Counterpart: `examples/demo/findings.py`, which
knows what should be seen of each phase.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from examples.flight import Flight, Rows

CLEAN_PER_OUTLIER = 40
"""Clean calls for one outlier in the phase `outliers`."""


class Call(NamedTuple):
    """One row for the model, and what the experts said of it: nobody who is asked gets to know that."""

    row: Rows
    outlier: bool


class Phase(NamedTuple):
    """Calls that belong together."""

    name: str
    story: str
    calls: tuple[Call, ...]
    until_scored: bool = False
    """The phase is over with the first answer that carries a score."""


def programme(
    flight: Flight, learn: bool = False, clean: int = 2500, outliers: int = 50, drifted: int = 800
) -> tuple[Phase, ...]:
    """The phases in order; numbers are calls of one row.

    With `learn` there comes a phase before all else: all other clean rows, of which some are learned from and
    some pass while the baseline is being fitted.
    """
    mixed = CLEAN_PER_OUTLIER * outliers
    calm, among, learned = np.split(flight.clean, [clean, clean + mixed])
    later = flight.drifted[np.linspace(0, len(flight.drifted) - 1, drifted).astype(int)]
    phases = (
        Phase("learning", "ordinary rows; there is no baseline yet", _ordinary(learned), until_scored=True),
        Phase("clean", "rows like those that the model was tested on", _ordinary(calm)),
        Phase(
            "outliers",
            f"among clean calls, one for {CLEAN_PER_OUTLIER}, come states that the model hardly knows",
            _among(among, flight, outliers),
        ),
        Phase("drifted", "the rest of the flight: ordinary rows, but the readings move", _ordinary(later)),
    )
    return phases if learn else phases[1:]


def _ordinary(rows: Rows) -> tuple[Call, ...]:
    return tuple(Call(row[None], outlier=False) for row in rows)


def _among(rows: Rows, flight: Flight, outliers: int) -> tuple[Call, ...]:
    odd = tuple(Call(row[None], outlier=True) for row in flight.outliers[:outliers])
    calls = _ordinary(rows) + odd
    return tuple(calls[i] for i in np.random.default_rng(1).permutation(len(calls)))
