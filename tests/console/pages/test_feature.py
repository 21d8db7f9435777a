import pytest

from sidecar.console import features_view
from sidecar.console.pages import feature
from sidecar.observer.routes import Key
from tests.console.admin import drifted
from tests.console.seen import check


@pytest.mark.parametrize(("name", "words"), [("x7", "Left the reference"), ("x8", "As in the reference")])
def test_an_input_says_whether_it_left_and_shows_every_bin(baseline, name, words):
    found = features_view.feature(drifted(baseline), Key("", "", ""), name)
    seen = check("".join(feature.parts(found)))
    assert words in seen.words
    assert all(one["label"] in seen.words for one in found["bins"] if one["window"])
    assert "Kolmogorov–Smirnov" in seen.words or found["kind"] != "number"
