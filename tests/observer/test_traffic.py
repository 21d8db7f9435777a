import numpy as np
import pytest

from sidecar.observer import traffic as module
from sidecar.observer.routes import OVERFLOW, Key
from sidecar.observer.traffic import KEYS, Traffic
from sidecar.observer.windows import Window
from tests.observer.real import digits, reference
from tests.observer.talk import alike, of_rows, record

FIELDS = reference(digits()[:500])
ROWS = digits()[500:700]
GLASS = Key("glass", "", "/v1/models/{model}:predict")


@pytest.fixture
def traffic():
    known = Traffic(100, 3600.0)
    known.adopt(FIELDS, "abc")
    return known


def named(number, model, **changes):
    return record(number, model=model, target=f"/v1/models/{model}:predict", **changes)


def test_every_model_version_and_route_has_windows_of_its_own(traffic):
    traffic.update(
        [
            named(0, "a"),
            named(1, "b"),
            named(2, "a"),
            named(3, "a", version="2"),
            record(4, codec="", target="/x"),
        ],
        0.0,
    )
    route = GLASS.route
    calls = {key: flow.calls.total.rows for key, flow in traffic.flows.items()}
    assert calls == {Key("a", "", route): 2, Key("b", "", route): 1, Key("a", "2", route): 1, OVERFLOW: 1}


def test_inputs_are_the_rows_of_all_calls_in_order(traffic):
    traffic.update(
        [of_rows(0, ROWS[:3], "abc"), of_rows(1, ROWS[3:4], "abc"), of_rows(2, ROWS[4:9], "abc")], 0.0
    )
    flow = traffic.flows[GLASS]
    np.testing.assert_allclose(flow.inputs.total.moments.mean, ROWS[:9].mean(axis=0))
    assert (flow.rows, flow.inputs.total.rows) == (9, 9)


def test_rows_laid_out_against_another_baseline_are_counted_and_left_out(traffic):
    torn = record(2, features=b"1234567", rows=1, baseline="abc")
    traffic.update([of_rows(0, ROWS[:3], "abc"), of_rows(1, ROWS[:3], "old"), torn], 0.0)
    assert traffic.flows[GLASS].inputs.total.rows == 3
    assert traffic.left_out["other-baseline"] == 2


def test_a_new_reference_begins_new_input_windows_and_leaves_the_others(traffic):
    traffic.update([of_rows(0, ROWS[:3], "abc")], 0.0)
    traffic.adopt(FIELDS, "abc")
    assert traffic.flows[GLASS].inputs.total.rows == 3
    traffic.adopt(FIELDS[:4], "def")
    traffic.update([of_rows(1, ROWS[:2, :4], "def")], 1.0)
    flow = traffic.flows[GLASS]
    assert (flow.inputs.total.rows, flow.calls.total.rows) == (2, 2)
    assert flow.drift.names == tuple(field.name for field in FIELDS[:4])


def test_made_up_names_open_no_window(traffic):
    traffic.update([named(i, f"guess-{i}", status=404) for i in range(100)], 0.0)
    assert list(traffic.flows) == [OVERFLOW]
    assert traffic.left_out["refused"] == 100


def test_windows_are_bounded_in_number_and_the_idle_give_way(traffic):
    traffic.update([named(i, f"m{i}") for i in range(KEYS + 5)], 0.0)
    assert len(traffic.flows) == KEYS + 1
    assert traffic.left_out["flow-limit"] == 5
    traffic.update([named(0, "m0")], 4000.0)
    traffic.update([named(0, "late")], 4001.0)
    assert Key("late", "", GLASS.route) in traffic.flows
    assert Key("m0", "", GLASS.route) in traffic.flows
    assert len(traffic.flows) <= KEYS + 1


def test_windows_are_bounded_in_bytes(traffic, monkeypatch):
    monkeypatch.setattr(module, "WINDOW_BYTES", 1_000_000)
    calls = [of_rows(i, ROWS[:2], "abc", model=f"m{i}", target=f"/v1/models/m{i}:predict") for i in range(30)]
    traffic.update(calls, 0.0)
    opened = [flow for flow in traffic.flows.values() if flow.inputs is not None]
    assert sum(flow.inputs.bytes + flow.drift.bytes for flow in opened) <= 1_000_000
    assert traffic.left_out["window-limit"] == 30 - len(opened) > 0


def test_a_flow_without_room_counts_its_calls_and_makes_no_windows_in_vain(traffic, monkeypatch):
    monkeypatch.setattr(module, "WINDOW_BYTES", 1)
    made = []
    monkeypatch.setattr(module, "Window", lambda fields, *rest: made.append(fields) or Window(fields, *rest))
    traffic.update([of_rows(0, ROWS[:2], "abc")], 0.0)
    traffic.update([of_rows(1, ROWS[:2], "abc", version="2")], 0.0)
    made.clear()
    for now in range(5):
        calls = [of_rows(i, ROWS[:2], "abc", version="2") for i in range(10)]
        traffic.update([*calls, record(10, version="2"), of_rows(11, ROWS[:2], "x", version="2")], float(now))
    assert traffic.left_out == {"window-limit": 51, "other-baseline": 5}
    assert made == []


def test_verdicts_and_flagged_rows_are_counted(traffic):
    calls = [
        of_rows(0, ROWS[:3], "abc", verdict="outlier", flagged=(0, 2)),
        of_rows(1, ROWS[:3], "abc"),
        record(2, status=503),
    ]
    traffic.update(calls, 0.0)
    flow = traffic.flows[GLASS]
    assert flow.verdicts == {(200, "outlier"): 1, (200, "normal"): 1, (503, "normal"): 1}
    assert (flow.rows, flow.flagged) == (7, 2)


def test_restored_traffic_goes_on_as_if_nothing_had_happened(traffic):
    traffic.update([of_rows(i, ROWS[i : i + 2], "abc") for i in range(50)], 1.0)
    again = Traffic(100, 3600.0)
    again.adopt(FIELDS, "abc")
    again.restore(traffic.keep())
    for one in (traffic, again):
        one.update([of_rows(i, ROWS[i : i + 2], "abc") for i in range(50, 100)], 2.0)
    flow, same = traffic.flows[GLASS], again.flows[GLASS]
    for window, other in (
        (flow.inputs, same.inputs),
        (flow.calls, same.calls),
        (flow.outputs.window, same.outputs.window),
    ):
        assert window.total.counts.tolist() == other.total.counts.tolist()
        assert window.snapshot(2.0).summary.counts.tolist() == other.snapshot(2.0).summary.counts.tolist()
    assert (flow.verdicts, flow.rows, flow.drift.evidence.tolist()) == (
        same.verdicts,
        same.rows,
        same.drift.evidence.tolist(),
    )


def test_input_windows_of_a_reference_that_is_gone_are_not_restored(traffic):
    traffic.update([of_rows(0, ROWS[:2], "abc")], 1.0)
    again = Traffic(100, 3600.0)
    again.adopt(FIELDS[:4], "def")
    again.restore(traffic.keep())
    assert again.flows[GLASS].inputs is None
    assert again.flows[GLASS].calls.total.rows == 1


@pytest.mark.parametrize(
    "answers",
    ["[null]", "[1e308]", "[-1e308, 1e308]", "[true]", '["a"]', '[null, "a"]', "[[1, 2]]", '[{"a": null}]'],
)
def test_whatever_a_model_answers_is_taken_in(traffic, answers):
    body = f'{{"predictions": {answers}}}'.encode()
    rows = answers.count(",") + 1 if "[[" not in answers else 1
    for now in range(6):
        traffic.update([record(i, rows=rows, response_body=body) for i in range(40)], float(now))
    flow = traffic.flows[GLASS]
    assert flow.outputs.cut
    assert flow.output_drift.alarm is None
    assert flow.verdicts.total() == 240


def test_an_answer_that_was_always_missing_is_tested_too(traffic):
    def heard(now, answer):
        body = f'{{"predictions": [{{"p": 0.5, "note": {answer}}}]}}'.encode()
        traffic.update([record(i, response_body=body) for i in range(30)], now)

    for now in range(8):
        heard(float(now), "null")
    test = traffic.flows[GLASS].output_drift
    assert (test.alarm, traffic.flows[GLASS].outputs.cut) == (None, True)
    for now in range(8, 12):
        heard(float(now), "1.5")
    assert test.alarm.features[0].feature.endswith("note")
    assert traffic.flows[GLASS].verdicts.total() == 12 * 30


def test_answers_are_tested_once_their_first_window_is_full(traffic):
    answer = {"response_body": b'{"predictions": [1.5]}'}
    traffic.update([of_rows(i, ROWS[i : i + 1], "abc", **answer) for i in range(90)], 0.0)
    assert traffic.flows[GLASS].output_drift is None
    for i in range(60):
        traffic.update([of_rows(i, ROWS[i : i + 1], "abc", **answer)], 1.0 + i)
    test = traffic.flows[GLASS].output_drift
    assert test.names == ("predictions",)
    assert test.alarm is None
    for i in range(60):
        moved = {"response_body": b'{"predictions": [2.5]}'}
        traffic.update([of_rows(i, ROWS[i : i + 1], "abc", **moved)], 100.0 + i)
    assert test.alarm.features[0].feature == "predictions"
    again = Traffic(100, 3600.0)
    again.adopt(FIELDS, "abc")
    again.restore(traffic.keep())
    assert again.flows[GLASS].output_drift.alarm == test.alarm


def test_the_latest_reasons_are_kept_but_not_of_calls_to_nowhere(traffic):
    traffic.update([of_rows(i, ROWS[:1], "abc") for i in range(5)], 0.0)
    traffic.update([record(i, reason="deadline") for i in range(200)], 1.0)
    reasons = traffic.flows[GLASS].reasons
    assert len(reasons) == module.REASONS
    assert set(reasons) == {(1.0, "deadline")}
    traffic.update([named(i, f"guess-{i}", status=404, reason="x") for i in range(9)], 2.0)
    assert not traffic.flows[OVERFLOW].reasons


# -- versions --------------------------------------------------------------------------------------


def version(number, name, rows=1, **changes):
    return of_rows(number, ROWS[:rows], "abc", version=name, **changes)


def test_an_old_version_is_closed_when_a_window_of_rows_went_to_the_new_one(traffic):
    traffic.update([version(i, "1") for i in range(20)], 1.0)
    for i in range(9):
        traffic.update([version(i, "2", rows=10)], 2.0 + i)
    old, new = GLASS._replace(version="1"), GLASS._replace(version="2")
    assert set(traffic.flows) == {old, new}
    traffic.update([version(9, "2", rows=10)], 11.0)
    assert set(traffic.flows) == {new}
    (ended,) = traffic.ended
    assert (ended.key, ended.why, ended.flow.rows) == (old, "other-version", 20)
    assert (traffic.flows[new].opened, traffic.flows[new].inputs.total.rows) == (2.0, 100)


def test_an_old_version_is_closed_when_its_time_is_over(traffic):
    traffic.update([version(0, "1")], 1.0)
    traffic.update([version(1, "2")], 3000.0)
    assert len(traffic.flows) == 2
    traffic.update([version(1, "2")], 3602.0)
    assert [ended.key.version for ended in traffic.ended] == ["1"]


def test_a_canary_leaves_both_versions_open(traffic):
    for i in range(100):
        traffic.update([version(i, "1") for _ in range(20)] + [version(i, "2")] * (i % 4 == 0), float(i))
    assert {key.version for key in traffic.flows} == {"1", "2"}
    assert not traffic.ended


def test_another_model_or_route_closes_nothing(traffic):
    traffic.update([version(0, "1")], 1.0)
    traffic.update([version(0, "2", model="other") for _ in range(500)], 2.0)
    traffic.update([version(0, "2", target="/elsewhere") for _ in range(500)], 3.0)
    assert not traffic.ended


def test_a_call_that_failed_before_the_version_was_known_counts_for_the_latest(traffic):
    traffic.update([version(0, "1")], 1.0)
    traffic.update([version(0, "2")], 2.0)
    traffic.update([record(1, status=500)], 3.0)
    assert {key.version: flow.verdicts.total() for key, flow in traffic.flows.items()} == {"1": 1, "2": 2}


def test_a_version_that_comes_back_begins_anew(traffic):
    for i, name in enumerate(("1", "2", "1")):
        traffic.update([version(i, name) for _ in range(150)], float(i))
    assert [ended.key.version for ended in traffic.ended] == ["1", "2"]
    assert traffic.flows[GLASS._replace(version="1")].rows == 150


def test_versions_told_in_brief_together_both_stay(traffic):
    """As many rows as a window has go to either, faster than anybody looks."""
    for _ in range(3):
        told = [
            alike(*(of_rows(i, ROWS[i : i + 1], "abc", version=version) for i in range(120)))
            for version in ("1", "2")
        ]
        traffic.update_alike(told, 0.0)
    assert {found.version: flow.rows for found, flow in traffic.flows.items()} == {"1": 360, "2": 360}
    assert not traffic.ended
    traffic.update_alike(told[:1], 0.0)
    assert [one.key.version for one in traffic.ended] == ["2"], "the other one had a window of rows, it none"
