"""Schemas whose columns are read as several fields: names, sources, and one law for all of them."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from sidecar.errors import Undecodable
from sidecar.exchange import Payload, Tensor
from sidecar.features import Field, Schema, lay_out
from sidecar.features.dates import DateReading
from sidecar.features.ids import FOLD, IdReading
from sidecar.features.images import NAMES, ImageReading
from sidecar.features.texts import TextReading, learned

WORDS = ["the cat sat on the mat", "a dog ate the bone", "birds sing in the trees"]
DATE = DateReading("seen", ("age", "hour"), 1_714_521_600.0, 5.0, "", (9, 10))
ID = IdReading("user", "runs", ("a-9",), (1.0,) * FOLD + (9.0,))
TEXT = TextReading("said", learned(WORDS))


def numbers(reading, missing=False):
    return tuple(
        Field(name, "number", missing=missing, fill=0.5 if missing else 0.0) for name in reading.fields
    )


MIXED = Schema(
    (
        Field("n", "number"),
        *numbers(DATE, missing=True),
        Field("c", "category", ("x", "y")),
        *numbers(ID),
        *numbers(TEXT),
    ),
    (DATE, ID, TEXT),
)


def column(name, *values):
    return Tensor(name, np.array(values, dtype=object if any(isinstance(v, str) for v in values) else None))


SENT = Payload(
    "test",
    (
        column("said", "the dog", "€€€", *WORDS, ""),
        column("n", 1.0, 2.0, 3.0, 4.0, 5.0, 6.0),
        column("seen", "2024-04-30T09:00", "2099-01-01", "never", None, "2024-04-30T03:00", ""),
        column("user", "a-1", "b-22", "B-1", "a-9", "c-3", "d-4"),
        column("c", "x", "z", "y", "x", "x", "x"),
    ),
)


def test_names_and_sources_stand_in_the_order_of_the_table():
    assert MIXED.names[:5] == ("n", "seen age", "seen hour", "c", "user length")
    assert MIXED.sources == ("n", "seen", "c", "user", "said")
    assert MIXED.columns[-2:] == ("seen age missing", "seen hour missing")


def test_digest_and_content_survive_being_written():
    again = msgspec.json.decode(msgspec.json.encode(MIXED), type=Schema)
    assert again == MIXED
    assert (
        again.digest
        == MIXED.digest
        != Schema(MIXED.fields, (DATE, ID, TextReading("said", learned("x")))).digest
    )


def test_a_row_is_laid_out_alone_as_it_is_among_others():
    whole = lay_out(SENT, MIXED)
    assert whole.unscorable == {2: "not-a-date:seen"}
    for row in range(SENT.rows):
        alone = lay_out(
            Payload("test", tuple(Tensor(t.name, t.data[row : row + 1]) for t in SENT.tensors)), MIXED
        )
        np.testing.assert_array_equal(alone.values[0], whole.values[row])
        np.testing.assert_array_equal(alone.matrix[0], whole.matrix[row])
        assert list(alone.unscorable.values()) == [whole.unscorable[r] for r in whole.unscorable if r == row]


def test_what_may_be_missing_is_filled_and_indicated():
    matrix = lay_out(SENT, MIXED).matrix
    assert matrix[3, 1:3].tolist() == [0.5, 0.5]
    assert matrix[:, -1].tolist() == [0.0, 0.0, 1.0, 1.0, 0.0, 1.0]
    assert np.isfinite(matrix).all()


def test_missing_where_it_never_was_names_the_column_not_its_part():
    sent = Payload("test", (*SENT.tensors[1:], column("said", "x", None, "x", "x", "x", "x")))
    assert lay_out(sent, MIXED).unscorable[1] == "missing:said"


def test_a_column_that_may_be_missing_may_be_left_out_others_not():
    tensors = {tensor.name: tensor for tensor in SENT.tensors}
    without = Payload("test", tuple(t for name, t in tensors.items() if name != "seen"))
    assert np.isnan(lay_out(without, MIXED).values[:, 1:3]).all()
    with pytest.raises(Undecodable, match="schema-mismatch:missing:said"):
        lay_out(Payload("test", SENT.tensors[1:]), MIXED)


def test_columns_without_names_are_taken_by_position():
    ordered = {tensor.name: tensor.data for tensor in SENT.tensors}
    nameless = Payload(
        "test", tuple(Tensor(f"x[{i}]", ordered[name]) for i, name in enumerate(MIXED.sources))
    )
    np.testing.assert_array_equal(lay_out(nameless, MIXED).values, lay_out(SENT, MIXED).values)


def test_an_image_needs_no_name_and_may_stand_beside_numbers():
    reading = ImageReading("picture", 255.0)
    schema = Schema((*numbers(reading), Field("n", "number")), (reading,))
    pixels = np.random.default_rng(0).integers(0, 256, (2, 9, 9), dtype=np.uint8)
    features = lay_out(Payload("test", (Tensor("image", pixels), column("n", 1.0, 2.0))), schema)
    assert features.values.shape == (2, len(NAMES) + 1)
    assert features.sound
    with pytest.raises(Undecodable, match="not-an-image:picture"):
        lay_out(Payload("test", (column("picture", 1.0, 2.0), column("n", 1.0, 2.0))), schema)
    with pytest.raises(Undecodable, match="schema-mismatch:missing:picture"):
        lay_out(Payload("test", (column("n", 1.0, 2.0),)), schema)
