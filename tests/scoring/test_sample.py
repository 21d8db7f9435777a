import numpy as np
import pytest

from sidecar.baseline.reference import describe
from sidecar.exchange import Payload, Tensor
from sidecar.features import Field, Schema, lay_out
from sidecar.scoring import sample

SCHEMA = Schema(
    (
        Field("amount", "number", missing=True, fill=5.0),
        Field("unit", "constant", ("kg",)),
        Field("size", "number"),
        Field("country", "category", ("de", "fr"), missing=True),
        Field("year", "constant", fill=2026.0),
    )
)


def test_rows_come_back_as_they_were_laid_out():
    tensors = (
        Tensor("amount", np.array([1.5, np.nan, 5.0])),
        Tensor("unit", np.array(["kg", "kg", "kg"], dtype=object)),
        Tensor("size", np.array([1.0, 2.0, 3.0])),
        Tensor("country", np.array(["fr", "de", None], dtype=object)),
        Tensor("year", np.array([2026.0, 2026.0, 2026.0])),
    )
    features = lay_out(Payload("table", tensors), SCHEMA)
    stored = sample.arrays(features.matrix)
    assert np.isfinite(stored["sample"]).all()
    np.testing.assert_array_equal(sample.values(stored, SCHEMA), features.values)


def test_only_so_many_rows_and_bytes_are_kept():
    assert sample.arrays(np.zeros((10_000, 3)))["sample"].shape == (sample.ROWS, 3)
    assert sample.arrays(np.zeros((10_000, 1_000)))["sample"].nbytes <= 8 * sample.CELLS


def test_a_baseline_without_a_sample_has_no_rows_and_a_wrong_one_is_refused():
    assert sample.values({}, SCHEMA).shape == (0, 5)
    with pytest.raises(ValueError, match="'sample' has shape"):
        sample.values({"sample": np.zeros((4, 2))}, SCHEMA)


def test_more_rows_are_kept_by_their_bins():
    random = np.random.default_rng(0)
    values = random.normal(size=(9000, 3))
    values[::5, 1] = np.nan
    fields = describe(values, Schema(tuple(Field(name, "number") for name in "abc")))
    stored = sample.binned(values, fields, seed=1)
    rows = sample.binned_rows(stored, fields)
    assert rows.shape == (sample.BINNED_ROWS, 3)
    assert (rows[:, 1] == len(fields[1].edges) + 1).mean() == pytest.approx(0.2, abs=0.02), "missing"
    shares = np.bincount(rows[:, 0], minlength=len(fields[0].probabilities)) / len(rows)
    np.testing.assert_allclose(shares, fields[0].probabilities, atol=0.02)
    wide = np.zeros((2000, 1000))
    schema = Schema(tuple(Field(f"c{i}", "constant") for i in range(1000)))
    assert sample.binned(wide, describe(wide, schema), 1)["binned"].nbytes <= sample.BINNED_CELLS


def test_a_baseline_without_bins_of_rows_has_none_and_wrong_ones_are_refused():
    fields = describe(np.arange(100.0)[:, None], Schema((Field("a", "number"),)))
    assert sample.binned_rows({}, fields).shape == (0, 1)
    with pytest.raises(ValueError, match="bins that its fields don't have"):
        sample.binned_rows({"binned": np.full((5, 1), 99, dtype=np.uint8)}, fields)
