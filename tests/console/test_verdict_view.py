import msgspec

from sidecar.console.verdict_view import verdicts
from sidecar.observer.observer import Observer
from tests.console.admin import drifted
from tests.observer.talk import record
from tests.observer.test_observer import Clock, settings


def test_a_verdict_shows_the_numbers_that_led_to_it(baseline):
    observer = drifted(baseline)
    found = verdicts(observer)
    assert found["state"] == observer.drift_state()
    (flow,) = found["flows"]
    assert (flow["model"], flow["verdict"], flow["subject"]) == ("glass", "feature-drift", "x7")
    inputs, outputs = flow["inputs"], flow["outputs"]
    assert (inputs["state"], outputs["state"]) == ("moved", "as-before")
    assert inputs["log_evidence"] > inputs["threshold"] > outputs["log_evidence"]
    alarm = inputs["alarm"]
    assert alarm["features"][0]["feature"] == "x7"
    assert alarm["onset_between"][0] <= alarm["since"] <= alarm["onset_between"][1]
    assert alarm["onset_between"][1] <= alarm["raised"]
    assert not alarm["from_the_first_row"]
    assert alarm["good_rows_before"] > 400
    assert alarm["pace"] == "sudden"
    assert flow["breaks"] == ()
    assert flow["since"] == alarm["since"]


def test_it_is_json_also_of_nothing():
    found = verdicts(Observer(settings(), Clock()))
    assert (found["state"], found["flows"]) == ("unknown", [])
    assert msgspec.json.decode(msgspec.json.encode(found)) == found


def test_a_flow_without_a_reference_says_so():
    observer = Observer(settings(), Clock())
    observer.take_in([record(0)])
    (flow,) = verdicts(observer)["flows"]
    assert (flow["verdict"], flow["inputs"]["state"], flow["outputs"]["state"]) == (
        "unknown",
        "no-reference",
        "no-reference",
    )
