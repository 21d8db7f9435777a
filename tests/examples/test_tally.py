"""Counting is checked with answers as they stand on the wire, one after the other."""

import json

import numpy as np
import pytest

from examples.demo.programme import Call
from examples.demo.tally import Tally
from examples.traffic import Answer

ROW = np.zeros((1, 8))


def answer(
    verdict: str = "normal", score: str | None = "0.2500", drift: str = "stable", p_fault: float = 0.1
) -> Answer:
    headers = {"x-anomaly-verdict": verdict, "x-drift-state": drift}
    if score is not None:
        headers["x-anomaly-score"] = score
    return Answer(200, json.dumps({"outputs": [{"data": [p_fault]}]}).encode(), headers, 0.001)


def test_clean_calls_and_outliers_are_counted_apart() -> None:
    tally = Tally("outliers")
    for outlier, got in [
        (False, answer()),
        (False, answer("outlier", "0.9950")),
        (True, answer("outlier", "0.9990")),
        (True, answer("outlier", "0.9970", p_fault=0.9)),
        (True, answer("normal", "0.9000")),
    ]:
        tally.update(Call(ROW, outlier), got)
    seen = tally.snapshot()

    assert (seen.calls, seen.clean, seen.clean_flagged) == (5, 2, 1)
    assert (seen.outliers, seen.caught, seen.missed_by_model, seen.missed_but_caught) == (3, 2, 2, 1)
    assert seen.clean_p == pytest.approx((0.75 + 0.005) / 2)
    assert seen.outlier_p == pytest.approx(0.003)


def test_calls_without_an_answer_or_a_score_are_counted() -> None:
    tally = Tally("clean")
    tally.update(Call(ROW, False), None)
    tally.update(Call(ROW, False), answer()._replace(status=502))
    tally.update(Call(ROW, False), answer('unscored; reason="too-large"', None))
    seen = tally.snapshot()

    assert (seen.calls, seen.failed, seen.unscored) == (3, 2, 1)


def test_the_first_drift_state_stays() -> None:
    tally = Tally("drifted")
    for drift in ["stable", "stable", 'feature-drift; feature="s5"', "stable", 'feature-drift; feature="s8"']:
        tally.update(Call(ROW, False), answer(drift=drift))
    seen = tally.snapshot()

    assert (seen.drift_after, seen.drift) == (3, 'feature-drift; feature="s5"')
