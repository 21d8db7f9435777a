"""Who asks how: close calls, parts of the input space, sequences; and only so many callers."""

from __future__ import annotations

import numpy as np
import pytest

from sidecar.exchange import Evidence
from sidecar.observer.callers import MOST, Callers, margin
from sidecar.scoring.bins import ReferenceField
from tests.observer.talk import of_rows, record

FIELDS = tuple(
    ReferenceField(
        f"x{i}", "number", (-1.0, 0.0, 1.0), ("a", "b", "c", "d", "missing"), (0.25,) * 4 + (0.0,), 100
    )
    for i in range(12)
)


@pytest.fixture
def callers() -> Callers:
    callers = Callers()
    callers.adopt(FIELDS, "abc")
    return callers


def test_calls_are_counted_by_caller_and_together(callers):
    sign = Evidence("query-sequence", 9, 1.0, 1)
    callers.update(
        [
            record(1, client="a", rows=2),
            record(2, client="b", rows=1, verdict="outlier"),
            record(3, client="a", rows=1, verdict="adversarial", evidence=(sign,)),
        ]
    )
    a, everybody = callers.known["a"], callers.all
    assert (a.calls, a.rows, a.odd, a.sequences, a.longest) == (2, 3, 1, 1, 9)
    assert (everybody.calls, everybody.rows, everybody.odd) == (3, 4, 2)
    callers.update([])


def test_who_asks_from_everywhere_covers_more(callers):
    rng = np.random.default_rng(0)
    wide = [of_rows(i, rng.normal(size=(1, 12)), "abc", client="wide") for i in range(30)]
    narrow = [of_rows(i, 5.0 + rng.normal(size=(1, 12)) * 0.1, "abc", client="narrow") for i in range(30)]
    callers.update(wide)
    callers.update(narrow)
    assert callers.known["narrow"].cells.bit_count() == 1
    assert callers.known["wide"].cells.bit_count() > 20
    assert callers.all.cells.bit_count() >= callers.known["wide"].cells.bit_count()


def test_rows_by_another_reference_are_in_no_part(callers):
    callers.update([of_rows(1, np.ones((1, 12)), "other", client="a")])
    callers.update([record(2, client="a", rows=1, baseline="abc", features=b"torn off")])
    assert callers.known["a"].cells == 0
    callers.update([of_rows(1, np.ones((1, 12)), "abc", client="a")])
    assert callers.known["a"].cells.bit_count() == 1
    callers.adopt(FIELDS, "new")
    assert callers.known["a"].cells == 0


def test_close_calls_are_counted(callers):
    answer = {"p[0]": np.array([0.52, 0.9]), "p[1]": np.array([0.48, 0.1])}
    callers.answered([(record(1, client="a"), answer), (record(2, client="a"), {"price": np.array([0.5])})])
    assert (callers.known["a"].answers, callers.known["a"].near) == (2, 1)


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"price": np.array([1.0])},
        {"a": np.array([0.7]), "b": np.array([0.7])},
        {"a": np.array([1.5]), "b": np.array([-0.5])},
        {"a": np.array([0.5]), "b": np.array(["x"], object)},
        {"a": np.array([0.5]), "b": np.array([np.nan])},
    ],
)
def test_what_is_no_probability_has_no_margin(columns):
    assert margin(columns) is None


def test_quiet_callers_are_forgotten_first(callers):
    for i in range(MOST):
        callers.update([record(i, client=str(i))])
    callers.update([record(1, client="0"), record(2, client="new")])
    assert len(callers.known) == MOST
    assert "0" in callers.known
    assert "1" not in callers.known
