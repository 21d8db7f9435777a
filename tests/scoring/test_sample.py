import numpy as np
import pytest

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
