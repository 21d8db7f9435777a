import pytest

from sidecar.console.features_view import feature, features
from sidecar.observer.routes import Key
from tests.console.admin import drifted

ANY = Key("", "", "")


@pytest.fixture
def observer(baseline):
    return drifted(baseline)


def test_inputs_come_with_the_most_moved_first_and_as_many_as_asked_for(observer):
    (flow,) = features(observer, ANY, 5)["flows"]
    first = flow["fields"][0]
    assert (first["name"], first["alarmed"]) == ("x7", True)
    evidence = [one["log_evidence"] for one in flow["fields"]]
    assert evidence == sorted(evidence, reverse=True)
    assert len(evidence) == 5
    assert len(first["labels"]) == len(first["reference"]) == len(first["window"])
    assert sum(first["window"]) == flow["rows"]
    assert 0 < first["total_variation"] <= 1
    (rest,) = features(observer, ANY, 1000, 5)["flows"]
    assert len(rest["fields"]) == flow["features"] - 5
    assert features(observer, Key("nobody", "", ""), 5)["flows"] == []


def test_one_input_has_its_onset_and_its_course(observer):
    found = feature(observer, ANY, "x7")
    (alarm,) = found["alarms"]
    assert alarm["since"]
    assert all(alarm["onset_between"])
    stretches = found["over_time"]
    assert sum(one["rows"] for one in stretches) == found["window"]["rows"]
    assert stretches[-1]["mean"] > stretches[0]["mean"] + 0.5
    assert stretches[-1]["total_variation"] > stretches[0]["total_variation"]
    assert feature(observer, ANY, "nobody") is None
    assert feature(observer, Key("nobody", "", ""), "x7") is None
