import pytest

from sidecar.console.overview_view import overview
from sidecar.observer.observer import Observer
from sidecar.report.terminal import lines
from tests.console.admin import drifted
from tests.observer.test_observer import Clock, settings


@pytest.mark.parametrize("width", [60, 100, 200])
def test_six_rows_and_the_traffic_fit_the_terminal(baseline, width):
    told = lines(overview(drifted(baseline)), width, colours=False)
    assert all(len(line) <= width for line in told)
    words = " ".join(" ".join(told).split())
    for title in ("Outliers", "Training-serving skew", "▲ Alarm Feature drift", "Cascades"):
        assert title in words
    assert "x7" in words
    assert "\x1b" not in words


def test_a_terminal_gets_colours_and_callers_cannot_steer_it(baseline):
    observer = drifted(baseline)
    observer.edges.service = "evil\x1b]0;title\x07"
    told = lines(overview(observer), 200, colours=True)
    assert "\x1b[31;1m▲ Alarm" in "\n".join(told)
    assert told[0].startswith("sidecar evil?]0;title?")


def test_before_the_first_call_it_says_so():
    assert "No call has come yet." in lines(overview(Observer(settings(), Clock())), 80, colours=False)
