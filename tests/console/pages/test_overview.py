import pytest

from sidecar.console import history_view, overview_view
from sidecar.console.pages import overview
from sidecar.observer.observer import Observer
from tests.console.admin import drifted
from tests.console.seen import check
from tests.observer.talk import record
from tests.observer.test_observer import Clock, settings

NOBODY = {"model": "", "version": "", "route": ""}


def drawn(observer, wanted=NOBODY):
    seen, courses = overview_view.overview(observer), history_view.history(observer)["courses"]
    return check("".join(overview.parts(seen, courses, wanted)))


def test_six_rows_each_with_state_evidence_and_a_way_on(baseline):
    seen = drawn(drifted(baseline))
    rows = [a["id"] for tag, a in seen.elements if tag == "li" and a.get("id", "").startswith("mode-")]
    assert len(rows) == 6
    assert "/features" in seen.links()
    assert "since" in seen.words


def test_before_the_first_call_it_says_what_to_do():
    assert "No call has come yet" in drawn(Observer(settings(), Clock())).words


@pytest.mark.parametrize("version", ["1", "2"])
def test_of_several_flows_the_one_that_was_chosen_is_drawn(version):
    observer = Observer(settings(), Clock())
    observer.take_in([record(1, version="1"), record(2, version="2"), record(3, version="2", status=500)])
    seen = drawn(observer, {"model": "glass", "version": version, "route": "/v1/models/{model}:predict"})
    assert ("0 of 1 calls" if version == "1" else "1 of 2 calls") in seen.words
