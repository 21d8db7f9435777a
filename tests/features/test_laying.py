"""Payload -> Features: what each kind of field becomes, what is missing, and what may not be scored."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sidecar.errors import Undecodable
from sidecar.exchange import Payload, Tensor
from sidecar.features import Field, Schema, lay_out


def numbers(*names: str, missing: bool = False, fill: float = 0.0) -> Schema:
    return Schema(tuple(Field(name, "number", missing=missing, fill=fill) for name in names))


def payload(*tensors: Tensor) -> Payload:
    return Payload("test", tensors)


def table(data: object, *names: str) -> Payload:
    return payload(Tensor("x", np.array(data, dtype=np.float64), names or None))


def text(name: str, *values: str | None) -> Tensor:
    return Tensor(name, np.array(values, dtype=object))


# -- schema ------------------------------------------------------------------------------------------


def test_a_schema_names_its_columns_fields_first_then_indicators() -> None:
    schema = Schema(
        (
            Field("age", "number", missing=True, fill=40.0),
            Field("version", "constant"),
            Field("smoker", "boolean"),
            Field("city", "category", ("Oslo", "Bern"), missing=True),
        )
    )
    assert schema.names == ("age", "version", "smoker", "city")
    assert schema.columns == ("age", "smoker", "city", "age missing", "city missing")


def test_digest_follows_the_content_through_json_and_msgpack() -> None:
    schema = Schema((Field("Größe", "number", missing=True), Field("b", "category", ("x", "y"))))
    assert len(schema.digest) == 12
    for codec in (msgspec.json, msgspec.msgpack):
        again = codec.decode(codec.encode(schema), type=Schema)
        assert again == schema
        assert again.digest == schema.digest
    assert Schema(schema.fields[::-1]).digest != schema.digest


# -- where columns are found -------------------------------------------------------------------------


def test_numbers_in_order_are_taken_as_they_are() -> None:
    data = np.array([[1.0, 2.0], [3.0, 4.0]])
    features = lay_out(payload(Tensor("x", data)), numbers("a", "b"))
    assert features.values is data
    assert features.matrix is data
    assert features.unscorable == {}


@pytest.mark.parametrize("dtype", ["f2", "f4", "i1", "i8", "u8", ">f4"])
def test_any_number_type_becomes_float64(dtype: str) -> None:
    features = lay_out(payload(Tensor("x", np.array([[1, 2]], dtype=dtype))), numbers("a", "b"))
    assert features.matrix.dtype == np.float64
    assert features.matrix.flags.c_contiguous
    assert features.matrix.tolist() == [[1.0, 2.0]]


def test_named_columns_are_matched_by_name() -> None:
    features = lay_out(table([[1, 2, 3]], "c", "a", "b"), numbers("a", "b", "c"))
    assert features.matrix.tolist() == [[2.0, 3.0, 1.0]]


def test_one_tensor_per_field_is_matched_by_name() -> None:
    both = payload(Tensor("b", np.array([3, 4])), Tensor("a", np.array([[1.5], [2.5]])))
    assert lay_out(both, numbers("a", "b")).matrix.tolist() == [[1.5, 3.0], [2.5, 4.0]]


def test_images_are_flattened_by_position() -> None:
    images = payload(Tensor("image", np.arange(8, dtype=np.uint8).reshape(2, 2, 2)))
    assert lay_out(images, numbers("p0", "p1", "p2", "p3")).matrix.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_a_nameless_table_of_columns_is_taken_by_position() -> None:
    mixed = payload(text("instances[0]", "Bern"), Tensor("instances[1]", np.array([7])))
    schema = Schema((Field("city", "category", ("Oslo", "Bern")), Field("age", "number")))
    assert lay_out(mixed, schema).matrix.tolist() == [[1.0, 7.0]]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (table([[1]], "a"), "schema-mismatch:missing:b"),
        (table([[1]]), "schema-mismatch:missing:b"),
        (table([[1, 2, 3]]), "schema-mismatch:extra:x[2]"),
        (table([[1, 2]], "a", "Größe"), "schema-mismatch:missing:b"),
        (payload(), "schema-mismatch:missing:a"),
        (payload(Tensor("x", np.array([[[1, 2, 3]]]))), "schema-mismatch:extra:x[2]"),
    ],
)
def test_a_schema_mismatch_names_the_field(sent: Payload, said: str) -> None:
    with pytest.raises(Undecodable) as error:
        lay_out(sent, numbers("a", "b"))
    assert str(error.value) == said


def test_a_single_column_of_another_name_is_another_column() -> None:
    with pytest.raises(Undecodable, match="schema-mismatch:missing:b"):
        lay_out(table([[1]], "a"), numbers("b"))
    assert lay_out(table([[1]]), numbers("b")).matrix.tolist() == [[1.0]]


def test_an_unknown_named_column_is_ignored() -> None:
    assert lay_out(table([[9, 1, 2]], "new", "a", "b"), numbers("a", "b")).matrix.tolist() == [[1.0, 2.0]]


def test_a_mismatch_may_stand_in_a_header_whatever_the_field_is_called() -> None:
    with pytest.raises(Undecodable) as error:
        lay_out(table([[1]], "z"), numbers('a"\r\nx: é' + "y" * 500, "z"))
    said = str(error.value)
    assert said.startswith("schema-mismatch:missing:a???x: ?yyy")
    assert len(said) == 80


def test_an_optional_field_may_be_left_out_but_not_all_of_them() -> None:
    schema = numbers("a", "b", missing=True, fill=5.0)
    features = lay_out(table([[1]], "a"), schema)
    assert features.matrix.tolist() == [[1.0, 5.0, 0.0, 1.0]]
    with pytest.raises(Undecodable, match="schema-mismatch:missing:a"):
        lay_out(payload(text("other", "x"), text("thing", "y")), schema)


# -- kinds -------------------------------------------------------------------------------------------


def test_a_category_becomes_its_rank_and_a_new_one_the_tail() -> None:
    schema = Schema((Field("city", "category", ("Oslo", "Bern", "Graz")),))
    features = lay_out(payload(text("city", "Bern", "Oslo", "Lima", "")), schema)
    assert features.matrix.tolist() == [[1.0], [0.0], [3.0], [3.0]]


@pytest.mark.parametrize(
    "column", [np.array([3, 10]), np.array([3.0, 10.0]), np.array(["3", "10"], dtype=object)]
)
def test_a_category_is_the_same_whatever_type_carries_it(column: np.ndarray) -> None:
    schema = Schema((Field("zone", "category", ("10", "3")),))
    assert lay_out(payload(Tensor("zone", column)), schema).matrix.tolist() == [[1.0], [0.0]]


def test_booleans_from_every_type() -> None:
    schema = Schema((Field("flag", "boolean", missing=True, fill=1.0),))
    for column in (
        np.array([True, False]),
        np.array([1, 0]),
        np.array([1.0, 0.0]),
        np.array(["True", "false"], dtype=object),
    ):
        assert lay_out(payload(Tensor("flag", column)), schema).values.tolist() == [[1.0], [0.0]]
    features = lay_out(payload(text("flag", "maybe", None)), schema)
    assert features.unscorable == {0: "not-a-boolean:flag"}
    assert features.matrix.tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_numbers_that_never_vary_are_taken_as_they_come() -> None:
    schema = Schema((Field("a", "number"), Field("dark", "constant"), Field("b", "number")))
    assert schema.plan.numeric
    by_position = lay_out(payload(Tensor("x", np.array([[1, 0, 2], [3, 7, 4]]))), schema)
    by_name = lay_out(table([[2, 0, 1], [4, 7, 3]], "b", "dark", "a"), schema)
    for features in (by_position, by_name):
        assert features.values.tolist() == [[1.0, 0.0, 2.0], [3.0, 7.0, 4.0]]
        assert features.matrix.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_constants_are_seen_by_windows_only() -> None:
    schema = Schema((Field("a", "number"), Field("unit", "constant", ("kg",)), Field("version", "constant")))
    features = lay_out(
        payload(
            Tensor("a", np.array([1, 2, 3])),
            text("unit", "kg", "lb", None),
            text("version", "2", "x", "inf"),
        ),
        schema,
    )
    assert features.matrix.tolist() == [[1.0], [2.0], [3.0]]
    np.testing.assert_array_equal(features.values[:, 1], [0.0, 1.0, np.nan])
    np.testing.assert_array_equal(features.values[:, 2], [2.0, np.nan, np.inf])
    assert features.unscorable == {}


# -- missing and bad values --------------------------------------------------------------------------


def test_missing_where_the_reference_knew_it_is_filled_and_indicated() -> None:
    features = lay_out(table([[1, np.nan], [np.nan, 2]]), numbers("a", "b", missing=True, fill=7.0))
    np.testing.assert_array_equal(features.values, [[1, np.nan], [np.nan, 2]])
    assert features.matrix.tolist() == [[1, 7, 0, 1], [7, 2, 1, 0]]
    assert features.unscorable == {}


def test_missing_where_the_reference_never_was_is_unscorable() -> None:
    features = lay_out(table([[1, 2], [np.nan, np.nan]]), numbers("a", "b"))
    assert features.unscorable == {1: "missing:a"}
    assert np.isfinite(features.matrix).all()


def test_infinity_and_text_are_unscorable_also_where_missing_is_known() -> None:
    schema = numbers("a", missing=True, fill=1.0)
    features = lay_out(payload(text("a", "1e3", "inf", "-1e999", "abc", "1_000", "", None, " 2 ")), schema)
    assert features.unscorable == {
        1: "infinite:a",
        2: "infinite:a",
        3: "not-a-number:a",
        4: "not-a-number:a",
    }
    assert features.matrix[:, 0].tolist() == [1000, 1, 1, 1, 1, 1, 1, 2]
    assert features.matrix[:, 1].tolist() == [0, 0, 0, 1, 1, 1, 1, 0]


def test_the_payload_is_never_written_to() -> None:
    data = np.array([[np.nan, np.inf]])
    data.flags.writeable = False
    features = lay_out(payload(Tensor("x", data)), numbers("a", "b", missing=True))
    assert features.unscorable == {0: "infinite:b"}
    np.testing.assert_array_equal(features.values, data)


def test_no_rows() -> None:
    features = lay_out(payload(Tensor("x", np.empty((0, 2)))), numbers("a", "b"))
    assert features.values.shape == features.matrix.shape == (0, 2)


@given(
    arrays.arrays(
        np.float64,
        st.tuples(st.integers(1, 6), st.just(3)),
        elements=st.floats(allow_nan=True, allow_infinity=True),
    )
)
def test_one_table_lays_out_the_same_in_every_form(data: np.ndarray) -> None:
    schema = Schema(
        (Field("a", "number"), Field("b", "number", missing=True, fill=0.5), Field("c", "number"))
    )
    forms = [
        payload(Tensor("x", data)),
        payload(Tensor("x", data[:, ::-1], ("c", "b", "a"))),
        payload(*(Tensor(name, data[:, i]) for i, name in enumerate(schema.names))),
        payload(*(text(name, *map(repr, data[:, i].tolist())) for i, name in enumerate(schema.names))),
    ]
    first, *others = (lay_out(form, schema) for form in forms)
    assert np.isfinite(first.matrix).all()
    assert set(first.unscorable) == set(
        np.flatnonzero(np.isinf(data).any(1) | np.isnan(data[:, [0, 2]]).any(1)).tolist()
    )
    for other in others:
        np.testing.assert_array_equal(other.values, first.values)
        np.testing.assert_array_equal(other.matrix, first.matrix)
        assert other.unscorable == first.unscorable
