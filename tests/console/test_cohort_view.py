"""Cohorts on the admin API, over an observer whose rows were grouped by the real search."""

import asyncio
import json
import math

import msgspec
import numpy as np
import pytest

from sidecar import cohort
from sidecar.cohort import Answer, KeptRow
from sidecar.console import cohort_view
from sidecar.features import Field, Schema
from sidecar.observer.observer import Observer
from tests.console.admin import asked
from tests.observer.real import DATA, NAMES, draw
from tests.observer.talk import of_rows
from tests.observer.test_observer import Clock, settings


async def get(client, path, status=200):
    async with client.get(path) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json(content_type=None)


async def test_before_a_search_there_is_a_reason_why_nothing_is_seen(observer):
    assert cohort_view.cohorts(Observer(settings()))["note"].startswith("there is no baseline yet")
    few = Observer(observer.settings, Clock())
    assert cohort_view.cohorts(few)["note"] == "0 flagged rows are kept, and a search takes 20"
    async with asked(observer) as client:
        found = await get(client, "/api/v1/cohorts")
        assert (found["note"], found["searched"], found["cohorts"]) == ("no search has ended yet", None, [])
        assert (await get(client, "/api/v1/map"))["flagged"] == []
        problem = await get(client, "/api/v1/cohorts/1", 404)
        assert problem["detail"] == "id: '1' is not a cohort now; there is none yet"


async def test_a_cohort_has_size_shares_times_traits_and_examples(grouped):
    async with asked(grouped) as client:
        found = await get(client, "/api/v1/cohorts")
    counts = [found[name] for name in ("rows_scored", "rows_flagged", "rows_flagged_if_clean", "rows_kept")]
    assert counts == [270, 70, 13.5, 70]
    assert (found["took_seconds"], found["searching"], found["failure"]) == (2.0, False, "")
    first = found["cohorts"][0]
    assert first["id"] == 1
    assert 45 <= first["rows"] == first["rows_kept"] <= 52
    assert first["share_of_flagged"] == first["rows"] / 70
    assert first["share_of_scored"] == first["rows"] / 270
    assert first["first"] == "2025-11-23T15:00:00.000Z"
    assert first["first"] < first["last"] < "2025-11-23T15:00:00.070Z"
    assert first["models"] == [["glass", "2"]]
    assert first["description"] == "; ".join(trait["words"] for trait in first["traits"])
    assert first["traits"][0]["effect"] > 0.6
    assert first["together"]["share"] > first["together"]["elsewhere"] + 0.6
    assert len(first["examples"]) == 5
    assert {*first["examples"][0]} == {"id", "row", "time", "p"}
    rest = sum(one["rows_kept"] for one in found["cohorts"])
    assert found["singles"]["rows_kept"] == 70 - rest


async def test_its_rows_are_those_that_were_sent_to_the_bit(grouped):
    async with asked(grouped) as client:
        one = await get(client, "/api/v1/cohorts/1")
        singles = await get(client, "/api/v1/cohorts/singles")
    assert one["fields"] == [{"name": name, "kind": "number"} for name in NAMES]
    with np.load(DATA) as arrays:
        zeros = arrays["X"][arrays["y"] == 1][:50].astype(float)
    sent = np.concatenate((zeros, draw(20, seed=1)))
    numbers = [int(row["id"].removeprefix("call-")) for row in one["rows"]]
    assert numbers == sorted(numbers)
    np.testing.assert_array_equal(np.array([row["values"] for row in one["rows"]]), sent[numbers])
    assert one["rows_kept"] == len(one["rows"])
    assert not {row["id"] for row in singles["rows"]} & {row["id"] for row in one["rows"]}


async def test_the_map_has_every_kind_of_row_and_places_new_ones(grouped, baseline):
    newcomer = of_rows(999, draw(1, seed=8), baseline.digest, flagged=(0,), row_p=(0.001,))
    grouped.take_in([newcomer])
    async with asked(grouped) as client:
        chart = await get(client, "/api/v1/map?limit=2000")
        few = await get(client, "/api/v1/map?limit=10")
        problem = await get(client, "/api/v1/map?limit=2001", 400)
    assert [len(chart[name]) for name in ("reference", "clean", "flagged")] == [300, 200, 71]
    assert [len(few[name]) for name in ("reference", "clean", "flagged")] == [10, 10, 10]
    assert "2000" in problem["detail"]
    (last,) = [one for one in chart["flagged"] if one["id"] == "call-999"]
    assert last["cohort"] is None
    assert last["at"] == pytest.approx(grouped.cohorts.found.map.place(draw(1, seed=8))[0].tolist())
    of_one = [one["at"] for one in chart["flagged"] if one["cohort"] == 1]
    clean = [one["at"] for one in chart["clean"]]
    assert math.dist(np.mean(of_one, axis=0), np.mean(clean, axis=0)) > 0.3
    assert 0.1 < sum(chart["variance"]) < 1.0


async def test_who_asks_for_fresh_cohorts_waits_for_the_search(observer):
    async with asked(observer) as client:
        waiting = asyncio.ensure_future(get(client, "/api/v1/cohorts?refresh=true"))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        assert (await get(client, "/api/v1/cohorts"))["searching"] is True
        observer.cohorts.due(observer.clock())
        observer.cohorts.answered(Answer(()), observer.clock())
        assert (await waiting)["searched"] is not None
        again = await get(client, "/api/v1/cohorts?refresh=true")
        assert again["searching"] is False, "nothing is new, so nobody waits"
        assert "true, false" in (await get(client, "/api/v1/cohorts?refresh=now", 400))["detail"]


def test_values_are_given_as_the_model_got_them():
    schema = Schema(
        (
            Field("amount", "number"),
            Field("flag", "boolean"),
            Field("country", "category", ("de", "fr")),
            Field("unit", "constant", ("kg",)),
            Field("year", "constant", fill=2026.0),
        )
    )
    nan = float("nan")

    def row(*values, **new):
        block = np.array(values, dtype="<f8").tobytes()
        return KeptRow(1, "call", 0, 0.0, 0.1, "", "", block, new)

    assert cohort_view.values(row(0.1, 1.0, 1.0, 0.0, 2026.0), schema) == [0.1, True, "fr", "kg", 2026.0]
    assert cohort_view.values(row(nan, nan, nan, nan, nan), schema) == [None] * 5
    assert cohort_view.values(row(1.0, 0.0, 2.0, 1.0, 2027.0, country="XX"), schema) == [
        *(1.0, False, "XX", None, 2027.0)
    ]
    assert [cohort_view.kind(field) for field in schema.fields] == [
        *("number", "boolean", "text", "text", "number")
    ]


def test_an_answer_is_json_whatever_callers_call_themselves(grouped):
    odd = msgspec.structs.replace(next(iter(grouped.cohorts.rows.values())), request='</script>"\x00é')
    grouped.cohorts.rows[odd.serial] = odd
    everything = json.loads(msgspec.json.encode(cohort_view.one_cohort(grouped, "1")))
    assert odd.request in {row["id"] for row in everything["rows"]} | {
        row["id"] for row in cohort_view.one_cohort(grouped, "singles")["rows"]
    }
    assert cohort.values([odd], 16).shape == (1, 16)
