"""Measuring clean pictures at a fit: what is stored, and what cannot be a picture."""

from __future__ import annotations

import numpy as np
import pytest

from sidecar.baseline.fit import fit
from sidecar.defence.noise import MEASURES, PREFIX
from sidecar.errors import DataError, UsageError
from sidecar.scoring import artifact
from tests.defence import made


def test_rows_that_calibrate_are_none_of_those_that_measures_are_compared_with():
    manifest, arrays = artifact.read(made.baseline())
    assert manifest.pixels == made.PIXELS
    split = manifest.split
    assert arrays[f"{PREFIX}standard"].shape == (split.fit + split.standard, len(MEASURES))
    calibration = arrays[f"{PREFIX}calibration"]
    assert calibration.shape == (split.calibration,)
    assert (np.diff(calibration) >= 0).all()


def test_weights_of_rows_count_for_noise_too(tmp_path):
    pictures = made.digits().pictures[made.CLEAN][:300]
    weights = np.random.default_rng(0).random(300) + 0.1
    names = np.array([*(f"x{i}" for i in range(pictures.shape[1])), "w"])
    np.savez(tmp_path / "data.npz", X=np.column_stack((pictures, weights)), columns=names)
    fit(tmp_path / "data.npz", tmp_path / "out", ["hbos"], weights_column="w", pixels=made.PIXELS)
    _, arrays = artifact.read(tmp_path / "out")
    assert arrays[f"{PREFIX}weights"].shape == arrays[f"{PREFIX}calibration"].shape


@pytest.mark.parametrize(
    ("pixels", "error", "reason"),
    [("10x10", DataError, "100 pixels"), ("24", UsageError, "no layout of pixels")],
)
def test_pixels_that_the_columns_are_not(tmp_path, pixels, error, reason):
    with pytest.raises(error, match=reason):
        fit(made.clean_file(), tmp_path / "out", ["hbos"], pixels=pixels)


def test_a_text_is_no_pixel(tmp_path):
    lines = ["a,b,c,d", *(f"{i},{i % 7},{i % 3},{'red' if i % 2 else 'blue'}" for i in range(60))]
    (tmp_path / "data.csv").write_text("\n".join(lines))
    with pytest.raises(DataError, match="'d' holds no numbers"):
        fit(tmp_path / "data.csv", tmp_path / "out", ["hbos"], pixels="2x2")
