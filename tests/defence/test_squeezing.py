"""Shifts of answers: how they are measured, and which are too rare."""

from __future__ import annotations

import numpy as np
import pytest

from sidecar.defence.pixels import layout
from sidecar.defence.squeezing import ASKED, EARLIER, Shifts, from_arrays, shift
from sidecar.scoring.calibration import Conformal
from tests.defence.made import CLEAN, FRESH, PIXELS, digits, fgsm, model

LAYOUT = layout(PIXELS)


def columns(matrix) -> dict[str, np.ndarray]:
    return {f"y[{i}]": column for i, column in enumerate(np.array(matrix).T)}


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ([[0.9, 0.1]], [[0.2, 0.8]], 1.4),
        ([[0.5, 0.5], [0.9, 0.1]], [[0.5, 0.5], [0.8, 0.2]], 0.2),
        ([[3], [8]], [[3], [1]], 1.0),  # a label: 8 is not further from 1 than from 7
        ([["cat"]], [["dog"]], 1.0),
        ([["cat"]], [["cat"]], 0.0),
    ],
)
def test_numbers_differ_by_an_amount_and_labels_do_or_do_not(before, now, expected):
    assert shift(columns(before), columns(now)) == pytest.approx(expected)


def test_answers_that_cannot_be_compared():
    for now in ([[0.1, 0.9]], [[0.1], [0.2]], [[np.nan]]):
        with pytest.raises(ValueError, match=r"other columns|is none"):
            shift(columns([[0.5]]), columns(now))


def shifts_of(rows: np.ndarray) -> np.ndarray:
    """(rows, squeezers): how far the answers of the model of digits shift."""
    clean = Shifts(LAYOUT, np.zeros((1, len(ASKED))), Conformal(np.zeros(1)))
    own = model().predict_proba(rows)
    others = [model().predict_proba(other) for other in clean.questions(rows).values()]
    return np.column_stack([np.abs(other - own).sum(axis=1) for other in others])


def test_answers_to_attacks_shift_as_those_to_clean_pictures_seldom_do():
    measured = shifts_of(digits().pictures[CLEAN])
    standard, rest = measured[:400], measured[400:]
    shifts = Shifts(LAYOUT, standard, Conformal(np.zeros(1)))
    shifts = Shifts(LAYOUT, standard, Conformal(shifts.of(rest)))

    def flagged(rows: np.ndarray) -> float:
        return float(np.mean([shifts.found(one).p <= 0.05 for one in shifts_of(rows).tolist()]))

    assert flagged(digits().pictures[FRESH]) <= 0.09
    assert flagged(fgsm(0.1)) >= 0.4


def test_shifts_by_other_squeezers_are_not_taken_for_these():
    assert from_arrays(LAYOUT, {}) is None
    with pytest.raises(ValueError, match="fit it again"):
        from_arrays(LAYOUT, {EARLIER: np.zeros((5, len(ASKED)))})
