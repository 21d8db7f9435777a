"""When a refit is due, what it's learned from, and what becomes of it; the processes are in
test_refitting."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest

from sidecar.cohort import KeptRow
from sidecar.contest import Contest, Side
from sidecar.features import Field, Schema
from sidecar.features.dates import DateReading
from sidecar.observer.kept_values import NEW
from sidecar.observer.refit import LEAST_ROWS, WEIGHT, KeptRefit, Refit, Refused, Rows, rows, tail
from sidecar.observer.reservoir import Weighted
from sidecar.observer.snapshot import decode, encode

SCHEMA = Schema((Field("a", "number"), Field("b", "number", missing=True)))


def kept(number: int, p: float = 0.5, time: float = 100.0, weight: float = 2.0) -> Weighted:
    values = np.array([number, np.nan]).tobytes()
    return Weighted(KeptRow(number, f"call-{number}", 0, time, p, "", "", values), weight)


def contest(clean: float = 0.01, directory: str = "new") -> Contest:
    champion = Side("old", "a", 0.01, 0.9, 0.005)
    return Contest(0.01, 400, champion, Side(directory, "b", clean, 0.9, 0.005))


# -- when ------------------------------------------------------------------------------------------


def test_without_a_schedule_only_who_asks_gets_one():
    refit = Refit(0.0, 0.0)
    assert not refit.due(1e9)
    refit.demand()
    assert refit.due(1e9)
    refit.demand()
    assert not refit.due(1e9), "one at a time"
    refit.refused("for a test", 1e9)
    assert refit.due(1e9), "and then the one that was asked for meanwhile"


def test_a_schedule_counts_from_the_last_one():
    refit = Refit(60.0, 0.0)
    assert not refit.due(59.0)
    assert refit.due(60.0)
    refit.refused("for a test", 70.0)
    assert not refit.due(119.0)
    assert refit.due(120.0)


# -- from what -------------------------------------------------------------------------------------


def test_rows_are_dealt_out_with_their_weights_and_none_twice():
    found = rows([kept(i) for i in range(300)], [], SCHEMA, 0.01, 0.0)
    fit, tried = ([json.loads(line) for line in lines] for lines in found)
    assert (len(fit), len(tried)) == (240, 60)
    assert sorted(row["a"] for row in fit + tried) == list(range(300))
    assert {row[WEIGHT] for row in fit} == {2.0}
    assert {tuple(row) for row in tried} == {("a", "b")}
    assert {row["b"] for row in fit} == {None}


def test_of_the_flagged_the_least_odd_as_many_as_clean_traffic_has():
    """Else every refit would cut off the tail that the last one left."""
    clean = [kept(i) for i in range(396)]
    flagged = [kept(1000 + i, p=0.0001 * i, weight=1.0) for i in range(50)]
    found = rows(clean, flagged, SCHEMA, 0.01, 0.0)
    taken = sorted(json.loads(line)["a"] for line in found.fit + found.tried)[396:]
    assert taken == [1042, 1043, 1044, 1045, 1046, 1047, 1048, 1049], "of 792 rows one hundredth"
    assert tail([], 5.0) == []


def test_rows_of_a_time_with_an_alarm_are_not_learned_from():
    clean = [kept(i, time=50.0) for i in range(300)] + [kept(i, time=150.0) for i in range(LEAST_ROWS)]
    assert len(rows(clean, [], SCHEMA, 0.01, 0.0).fit) == 400
    assert len(rows(clean, [], SCHEMA, 0.01, 100.0).fit) == 160
    with pytest.raises(Refused, match="0 clean rows are kept, and 200 are needed"):
        rows(clean, [], SCHEMA, 0.01, 151.0)


def test_answers_come_along_where_they_were_read():
    answers = Schema((Field("y", "number"), Field("label", "category", ("cat", "dog"))))
    told = [kept(i) for i in range(300)]
    told = [
        one._replace(row=msgspec.structs.replace(one.row, answer=np.array([float(i), 1.0]).tobytes()))
        if i < 100
        else one
        for i, one in enumerate(told)
    ]
    found = rows(told, [], SCHEMA, 0.01, 0.0, answers)
    fit = [json.loads(line) for line in found.fit]
    assert {len(row) for row in fit} == {3, 5}
    assert all((row["answer:y"], row["answer:label"]) == (row["a"], "dog") for row in fit if len(row) == 5)
    assert {tuple(json.loads(line)) for line in found.tried} == {("a", "b")}


def test_what_is_read_as_several_fields_is_written_down_as_fields():
    date = DateReading("seen", ("age", "hour"), 0.0, 1.0, hours=(9, 10))
    schema = Schema((Field("seen age", "number"), Field("seen hour", "category", ("09h", "10h"))), (date,))
    hours = [0.0, 1.0, 2.0, np.nan]
    told = [
        one._replace(row=msgspec.structs.replace(one.row, values=np.array([i, hours[i % 4]]).tobytes()))
        for i, one in enumerate(map(kept, range(300)))
    ]
    found = rows(told, [], schema, 0.01, 0.0)
    lines = [json.loads(line) for line in found.fit + found.tried]
    names = {line["seen age"] % 4: line["seen hour"] for line in lines}
    assert names == {0: "09h", 1: "10h", 2: NEW, 3: None}, "an hour never seen is not a missing one"


# -- what comes of it ------------------------------------------------------------------------------


def begun() -> Refit:
    refit = Refit(0.0, 0.0)
    refit.demand()
    assert refit.due(10.0)
    refit.begun(Rows([b""] * 3, [b""] * 2))
    return refit


def test_a_winner_is_adopted():
    refit = begun()
    assert refit.decided(contest(), 20.0)
    assert refit.baseline == "new"
    assert refit.outcome is not None
    assert refit.outcome.adopted
    assert (refit.outcome.asked, refit.outcome.ended, refit.outcome.rows) == (10.0, 20.0, 5)


def test_a_loser_is_not_and_the_rule_is_named():
    refit = begun()
    assert not refit.decided(contest(clean=0.2), 20.0)
    assert refit.baseline == ""
    assert refit.outcome is not None
    assert not refit.outcome.adopted
    assert "it should hold that of clean rows it flags the threshold's share" in refit.outcome.reason
    assert refit.outcome.contest == contest(clean=0.2)


def test_one_that_a_data_plane_refuses_is_undone():
    refit = begun()
    refit.decided(contest(), 20.0)
    refit.undone("it is cut short", 21.0)
    assert refit.baseline == ""
    assert refit.outcome is not None
    assert refit.outcome.reason == "it is cut short"


def test_it_is_kept_unless_the_baseline_is_gone(tmp_path):
    refit = begun()
    refit.decided(contest(directory=str(tmp_path)), 20.0)
    kept_state = decode(encode(refit.keep()), KeptRefit)
    again = Refit(60.0, 0.0)
    again.restore(kept_state)
    assert (again.baseline, again.outcome) == (str(tmp_path), refit.outcome)
    assert not again.due(69.0)
    tmp_path.rmdir()
    again.restore(kept_state)
    assert again.baseline == ""
