"""What kind of field a column is, as a table of cases; and what is left out or refused, and why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sidecar.baseline.columns import texts
from sidecar.baseline.schema import infer, learned_from
from sidecar.baseline.tables import Table
from sidecar.errors import DataError
from sidecar.features import Field

NAN = float("nan")


def table(**columns) -> Table:
    return Table(Path("t.csv"), {name: np.asarray(values) for name, values in columns.items()})


def objects(*values) -> np.ndarray:
    return np.array(values, dtype=object)


KINDS = {
    "numbers": (np.array([1.0, 2.0, 3.0]), Field("f", "number")),
    "numbers, some missing": (np.array([1.0, NAN, 3.0, 9.0]), Field("f", "number", missing=True, fill=3.0)),
    "numbers, one infinite": (np.array([1.0, np.inf, 3.0]), Field("f", "number")),
    "one number": (np.array([4.0, 4.0]), Field("f", "constant", fill=4.0)),
    "one number or missing": (np.array([4.0, NAN]), Field("f", "number", missing=True, fill=4.0)),
    "booleans": (np.array([True, False]), Field("f", "boolean")),
    "booleans, some missing": (objects(True, None, True), Field("f", "boolean", missing=True, fill=1.0)),
    "booleans as text": (objects("TRUE", "false", "TRUE"), Field("f", "boolean")),
    "one boolean": (np.array([True, True]), Field("f", "constant", ("true",))),
    "texts": (objects(*"abcbab", "b"), Field("f", "category", ("b", "a", "c"))),
    "texts as often": (objects("z", "a", "z", "a"), Field("f", "category", ("a", "z"))),
    "texts, some missing": (objects("x", None, "x", "y", "y", "y"), Field("f", "category", ("y", "x"), True)),
    "one text": (objects("NL", "NL"), Field("f", "constant", ("NL",))),
    "texts and numbers": (objects(1, "a", 1, "a", "b", "b"), Field("f", "category", ("1", "a", "b"))),
}


@pytest.mark.parametrize("case", KINDS)
def test_kinds(case):
    values, field = KINDS[case]
    schema, notes = infer(table(f=values, other=np.arange(2.0)))
    assert schema.fields[0] == field
    assert notes == ()


LEFT_OUT = {
    "all missing": (np.array([NAN, NAN]), "it has no values"),
    "no texts": (objects(None, None), "it has no values"),
}


@pytest.mark.parametrize("case", LEFT_OUT)
def test_what_is_no_field_is_left_out_by_name(case):
    values, reason = LEFT_OUT[case]
    schema, notes = infer(table(strange=values, a=np.arange(2.0)))
    assert schema.names == ("a",)
    assert len(notes) == 1
    assert notes[0].startswith(f"column 'strange' is left out: {reason}")


READ = {
    "dates": (objects("2024-03-01", "2020-01-15", None, "2023-07-30"), ("f age", "f weekday"), "holds dates"),
    "ids": (
        objects(*(f"user-{i:04}" for i in range(50))),
        ("f length", "f pattern", "f rarest"),
        "holds ids",
    ),
    "prose": (
        objects(*(f"no {i} is free" for i in range(50))),
        ("f length", "f surprise", "f oddest"),
        "is text",
    ),
    "images": (np.zeros((4, 5, 6)), ("f light", "f contrast"), "holds images"),
}


@pytest.mark.parametrize("case", READ)
def test_what_says_several_things_is_read_as_several_fields(case):
    values, names, note = READ[case]
    schema, notes = infer(table(f=values, a=np.arange(float(len(values)))))
    assert schema.names[: len(names)] == names
    assert schema.sources == ("f", "a")
    assert len(schema.readings) == 1
    assert notes[0].startswith(f"column 'f' {note}")
    assert all(field.missing == (case == "dates") for field in schema.fields[:-1])


def test_a_mistake_among_dates_is_refused_with_its_row_and_column():
    values = [f"2024-01-{i % 28 + 1:02}" for i in range(100)]
    values[40] = "soon"
    with pytest.raises(DataError, match=r"t.csv: row 41, column 'd': 'soon' is no date"):
        infer(table(d=objects(*values)))


def test_two_fields_of_one_name_are_refused():
    dates = objects("2024-03-01", "2020-01-15", "2023-07-30")
    with pytest.raises(DataError, match="two fields are called 'seen age'"):
        infer(table(seen=dates, **{"seen age": np.arange(3.0)}))


def test_only_text_is_learned_from_the_rows_that_are_named():
    whole = table(text=objects(*(f"no {i} is free" for i in range(50))), n=np.arange(50.0))
    schema, _ = infer(whole)
    part = learned_from(schema, whole, np.arange(10))
    assert part.fields == schema.fields
    assert part.readings[0].table == texts.of_texts("text", [f"no {i} is free" for i in range(10)]).table
    assert part.readings[0].table != schema.readings[0].table


def test_notes_of_the_reader_are_kept():
    whole = Table(Path("t.npz"), {"a": np.arange(2.0)}, ("array 'y' is not used",))
    assert infer(whole)[1] == ("array 'y' is not used",)


def test_a_mistake_among_numbers_is_refused_with_its_row_and_column():
    values = [str(i) for i in range(100)]
    values[16] = "abc"
    with pytest.raises(
        DataError, match=r"t\.csv: row 17, column 'amount': 'abc' is no number, and nearly all"
    ):
        infer(table(amount=objects(*values), a=np.arange(100.0)))


def test_a_table_in_which_nothing_varies_is_refused():
    with pytest.raises(
        DataError, match=r"t\.csv: has no column that varies.*column 'b' is left out: it has no"
    ):
        infer(table(a=np.ones(3), b=objects(None, None, None)))


def test_being_missing_or_not_is_variation_enough():
    assert infer(table(a=np.array([1.0, NAN, 1.0])))[0].columns == ("a", "a missing")
