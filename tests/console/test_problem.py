import json

import pytest

from sidecar.console.problem import BadParameter, Problem, choice, known, moment, whole


def test_a_problem_is_rfc_9457():
    answer = Problem(404, "No such thing", "thing: 'x' is not here", "thing").response()
    assert (answer.status, answer.content_type) == (404, "application/problem+json")
    expected = {
        "title": "No such thing",
        "status": 404,
        "detail": "thing: 'x' is not here",
        "parameter": "thing",
    }
    assert json.loads(answer.body) == expected
    assert "parameter" not in json.loads(Problem(500, "Error", "See the log.").response().body)


def test_a_number_in_its_bounds():
    assert whole({}, "limit", 50, 400) == 50
    assert whole({"limit": "400"}, "limit", 50, 400) == 400
    for text in ("401", "0", "-1", "1.5", "", " 1", "1e2", "٣", "9" * 400, "0" * 17 + "1999", "0" * 5000):
        with pytest.raises(BadParameter, match=r"^limit: "):
            whole({"limit": text}, "limit", 50, 400)


def test_a_choice():
    assert choice({}, "verdict", ("a", "b")) == ""
    assert choice({"verdict": "a"}, "verdict", ("a", "b")) == "a"
    with pytest.raises(BadParameter, match="'c' is not one of a, b"):
        choice({"verdict": "c"}, "verdict", ("a", "b"))


@pytest.mark.parametrize(
    "text",
    [
        "1763910000",
        "1763910000.0",
        "2025-11-23T15:00:00Z",
        "2025-11-23T16:00:00+01:00",
        "2025-11-23T16:00:00 01:00",
    ],
)
def test_a_moment(text):
    assert moment({"since": text}, "since") == 1763910000.0


def test_no_moment():
    assert moment({}, "since") == 0.0
    for text in ("", "now", "nan", "-inf", "2025-13-01", "1e400"):
        with pytest.raises(BadParameter, match=r"^since: .* is no time, such as"):
            moment({"since": text}, "since")


def test_a_parameter_that_does_not_exist():
    known({"limit": "1"}, ("limit", "since"))
    with pytest.raises(BadParameter, match="did you mean since"):
        known({"sinse": "1"}, ("limit", "since"))
    with pytest.raises(BadParameter, match="there is limit, since"):
        known({"zzz": "1"}, ("limit", "since"))
    with pytest.raises(BadParameter, match="there is none"):
        known({"zzz": "1"}, ())
