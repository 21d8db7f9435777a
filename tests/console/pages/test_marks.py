import pytest

from sidecar.console.pages import marks
from sidecar.report.plots import Line
from sidecar.report.units import STATES
from tests.console.seen import HOSTILE, check


def test_what_is_given_as_text_stays_text_and_html_stays_html():
    inner = marks.tag("b", HOSTILE, title=HOSTILE, data_x=None)
    seen = check(marks.html((inner, HOSTILE)))
    assert seen.elements == [("b", {"title": HOSTILE})]
    assert seen.words == HOSTILE * 2


def test_times_are_in_utc_until_the_script_comes():
    (element,) = check(marks.moment("2025-11-23T15:00:01.250Z")).elements
    assert element == ("time", {"datetime": "2025-11-23T15:00:01.250Z"})
    assert marks.moment(None, "never") == "never"


def test_times_in_a_sentence_are_times_too():
    seen = check(marks.dated(f"{HOSTILE} changed at 2025-11-23T15:00:01Z, or later"))
    assert seen.elements == [("time", {"datetime": "2025-11-23T15:00:01Z"})]
    assert seen.words == f"{HOSTILE} changed at 2025-11-23 15:00:01 UTC, or later"


def test_addresses_leave_out_what_is_empty_and_escape_the_rest():
    assert marks.query("/features", model="", version=None, feature="a&b") == "/features?feature=a%26b"
    assert marks.quoted("a/b?c") == "a%2Fb%3Fc"


@pytest.mark.parametrize("name", STATES)
def test_a_state_is_told_by_a_sign_and_a_word(name):
    seen = check(marks.state(name))
    assert seen.words == " ".join(STATES[name])


def test_a_card_says_what_it_means_and_how_to_get_it_as_data():
    seen = check(marks.card("one", "Title", "body", means="meaning", source="/api/v1/status?x=1"))
    assert (
        "section",
        {"id": "one", "class": "card", "aria-labelledby": "one-title", "data-live": ""},
    ) in seen.elements
    assert seen.links() == ["/api/v1/status?x=1"]
    assert "Title" in seen.words
    assert "data-live" not in marks.card("one", "Title", "body", live=False)


def test_a_chart_is_a_picture_and_the_numbers_behind_it():
    line = Line("calls", [(1.0, 2.0), (2.0, None), (3.0, 4.0)])
    (figure,) = [a for tag, a in check(marks.chart("c", "Calls", [line])).elements if tag == "figure"]
    assert '"points":[[1.0,2.0,3.0],[2.0,null,4.0]]' in figure["data-chart"]
    assert "comes with the next calls" in marks.chart("c", "Calls", [Line("calls", [])])
