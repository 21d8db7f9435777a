import pytest

from sidecar.console import features_view, overview_view
from sidecar.console.pages import features
from sidecar.observer.observer import Observer
from sidecar.observer.routes import Key
from tests.console.admin import drifted
from tests.console.seen import check
from tests.observer.test_observer import Clock, settings

ANY = Key("", "", "")


@pytest.mark.parametrize("offset", [0, 5, 13])
def test_a_page_of_inputs_leads_to_those_before_and_after(baseline, monkeypatch, offset):
    monkeypatch.setattr(features, "AT_ONCE", 5)
    observer = drifted(baseline)
    found = features_view.features(observer, ANY, features.AT_ONCE, offset)
    (flow,) = found["flows"]
    seen = check("".join(features.parts(overview_view.overview(observer), found, flow, offset)))
    pictures = [one for one in seen.links() if "feature=" in one and "offset" not in one]
    assert len(pictures) == min(5, flow["features"] - offset)
    assert ("more moved" in seen.words.replace("less moved", "")) == (offset > 0)
    assert ("less moved" in seen.words) == (offset + 5 < flow["features"])


def test_while_it_learns_it_says_how_far_it_is():
    observer = Observer(settings(learn_rows=50), Clock())
    (page,) = features.parts(overview_view.overview(observer), {"flows": []}, None, 0)
    seen = check(page)
    assert "0 of 50 rows" in seen.words
    assert "progress" in seen.tags()
