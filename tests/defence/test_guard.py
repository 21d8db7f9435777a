"""The guard: what it takes from a baseline, and when a call is adversarial."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from sidecar.defence.guard import Guard, accused, guard
from sidecar.errors import BaselineError
from sidecar.exchange import Evidence, Features, Score
from sidecar.scoring.baseline import Baseline, load
from tests.defence import made
from tests.defence.made import FRESH, digits, fgsm
from tests.scoring.made import cardio

NORMAL = Score("normal", 0.5, (0.5,))


@cache
def known() -> Baseline:
    return load(made.baseline())


@cache
def guarded() -> Guard:
    return guard(known(), 0.025)


def look(rows: np.ndarray, score: Score = NORMAL) -> Score:
    return guarded().look(score, Features(rows, rows))


def test_a_made_input_is_adversarial_and_says_why():
    found = look(fgsm(0.2)[:1])
    assert found.verdict == "adversarial"
    (noise,) = found.evidence
    assert noise.sign == "noise"
    assert noise.p == found.noise_p <= 0.025
    assert noise.by in ("uneven", "specks")


def test_a_clean_input_stays_what_it_was():
    clean = digits().pictures[FRESH][:30]
    one = next(row for row in clean if not look(row[None]).evidence)
    for verdict in ("normal", "outlier", "unscored"):
        found = look(one[None], Score(verdict, math.nan if verdict == "unscored" else 0.5))
        assert (found.verdict, found.evidence) == (verdict, ())
        assert 0.025 < found.noise_p <= 1.0


def test_of_many_rows_the_noisiest_speaks():
    clean, made = digits().pictures[FRESH][:4], fgsm(0.3)[:1]
    assert look(np.vstack((clean, made))).noise_p == look(made).noise_p < look(clean).noise_p


def test_a_row_with_a_hole_says_nothing_for_the_others():
    rows = digits().pictures[FRESH][:2].copy()
    rows[0, 5] = np.nan
    assert look(rows).noise_p == look(rows[1:]).noise_p
    assert math.isnan(look(rows[:1]).noise_p)


def test_without_pixels_nothing_is_looked_at():
    tabular = guard(load(cardio("ecod")), 0.01)
    rows = np.zeros((1, 21))
    assert tabular.look(NORMAL, Features(rows, rows)) is NORMAL
    assert guard(None, 0.01).look(NORMAL, Features(rows, rows)) is NORMAL


def test_signs_say_what_is_looked_for():
    assert guarded().signs(asks_again=True) == ("noise",), "nobody fitted it with a model to ask"
    assert guard(None).signs(asks_again=True) == ()


def test_evidence_adds_up():
    both = accused(accused(NORMAL, Evidence("noise", p=0.001)), Evidence("query-sequence", n=14))
    assert both.verdict == "adversarial"
    assert [one.sign for one in both.evidence] == ["noise", "query-sequence"]


@pytest.mark.parametrize(
    ("pixels", "clean", "reason"),
    [
        ("9x9", None, "81|9x9"),
        (made.PIXELS, {}, "clean/noise/standard"),
        (made.PIXELS, {"clean/noise/standard": np.zeros((5, 6))}, "fit it again"),
        ("no", None, "no layout"),
    ],
)
def test_what_is_not_that_of_a_picture_is_refused(pixels, clean, reason):
    broken = load(made.baseline())
    broken.pixels = pixels
    broken.clean = broken.clean if clean is None else clean
    with pytest.raises(BaselineError, match=reason):
        guard(broken, 0.01)
