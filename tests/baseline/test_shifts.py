"""Asking the model about clean pictures: what is stored, and what cannot be asked."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sidecar.baseline.shifts import Model
from sidecar.defence.squeezing import ASKED, PREFIX
from sidecar.errors import DataError, UsageError
from sidecar.scoring import artifact
from tests.defence import made

V1 = "/v1/models/digits:predict"


def test_shifts_of_clean_answers_are_stored():
    manifest, arrays = artifact.read(made.asked_baseline())
    calibration = arrays[f"{PREFIX}calibration"]
    assert calibration.shape == (manifest.split.calibration,)
    assert (np.diff(calibration) >= 0).all()
    standard = arrays[f"{PREFIX}standard"]
    assert standard.shape == (manifest.split.fit + manifest.split.standard, len(ASKED))
    assert standard.min() >= 0.0
    assert 0.0 < standard.max() <= 2.0  # probabilities cannot be further apart


def test_a_model_is_asked_as_its_clients_ask(tmp_path):
    like = tmp_path / "like.json"
    like.write_text(json.dumps({"signature_name": "s", "instances": [[0.5] * made.SIDE**2]}))
    row = made.digits().pictures[:1]
    with made.served() as there:
        plain, liked = (Model(there.url + V1, one) for one in (None, like))
        answers = [one.answer(row).tensors[0].data for one in (plain, liked)]
        np.testing.assert_allclose(answers[0], made.model().predict_proba(row))
        np.testing.assert_array_equal(*answers)
        assert there.marks == ["fit", "fit"]
        there.fails = True
        with pytest.raises(DataError, match="answered 500"):
            plain.answer(row)
        like.write_text(json.dumps({"instances": [[0.5] * 9]}))
        with pytest.raises(DataError, match=f"of {made.SIDE**2} plain numbers"):
            Model(there.url + V1, like).answer(row)
        plain.close(), liked.close()
    for nobody in ("http://127.0.0.1:1", f"http://{'m' * 64}.test"):
        with pytest.raises(DataError, match="no answer"):
            Model(nobody + V1, None).answer(row)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://m/predict", "is no http URL"),
        ("ftp://m" + V1, "is no http URL"),
        ("http://m:99999" + V1, "is no URL: Port out of range"),
        ("http://[m" + V1, "is no URL: Invalid IPv6 URL"),
        ("http://m/v2/models/digits/infer", "--ask-like"),
    ],
)
def test_what_cannot_be_asked(url, reason):
    with pytest.raises(UsageError, match=reason):
        Model(url, None)


def test_a_template_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        Model("http://m" + V1, tmp_path / "none.json")
