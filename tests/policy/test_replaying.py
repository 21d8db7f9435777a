"""What policies would have done to calls that a real sidecar captured is what they then do."""

from datetime import UTC, datetime

import pytest

from sidecar.cli import main
from sidecar.policy.checking import check_text
from sidecar.policy.replaying import COLUMNS, replay
from tests.capture.test_reading import place as place  # a fixture: four calls
from tests.policy.documents import policy

ROW = {
    "started": datetime.fromtimestamp(1_790_000_000, UTC),
    "method": "POST",
    "target": "/v2/models/flight/infer",
    "host": "m",
    "client": "10.0.0.7",
    "request_headers": {"content-type": "application/json"},
    "weight": 1.0,
    "rows": 2,
    "features": {"a": [1.0, 5.0], "b": [None, 2.0]},
    "verdict": "outlier",
    "reason": "",
    "p": 0.002,
    "row_p": [0.5, 0.002],
    "flagged": [1],
    "detectors": [{"name": "ecod", "raw": 3.0, "p": 0.01, "top": []}],
    "evidence": None,
    "drift": "stable",
    "action": "allow",
}
CLEAN = ROW | {"verdict": "normal", "p": 0.5, "row_p": [0.5, 0.6], "flagged": [], "weight": 10.0}
UNREAD = ROW | {
    "verdict": "unscored",
    "p": None,
    "row_p": None,
    "features": None,
    "detectors": None,
    "rows": 0,
}


def replayed(*rules: str, rows=(ROW, CLEAN, UNREAD)):
    policies = check_text(policy(*rules)).policies
    return replay(policies, rows)


def test_every_fact_is_there_again():
    assert set(ROW) == set(COLUMNS)
    conditions = [
        "p <= 0.002", 'features["a"] == 5.0', 'lowest["b"] == 2.0', 'detectors["ecod"].raw == 3.0',
        "flagged == 1", 'model == "flight"', 'headers["content-type"] == "application/json"',
        'drift.state == "stable"', 'client == "10.0.0.7"', "rows == 2",
    ]  # fmt: skip
    found = replayed(
        *(f"{{name: r{i}, when: '{one}', action: tag}}" for i, one in enumerate(conditions)), rows=[ROW]
    )
    assert found.applied == {f"p/r{i}": 1 for i in range(len(conditions))}
    assert found.errors == {}


def test_what_would_have_been_otherwise_is_counted_by_weight():
    found = replayed("{name: odd, when: p <= 0.01, action: block}", "{name: rest, action: tag}")
    assert (found.calls, found.weight, found.sampled) == (3, 12.0, True)
    assert found.applied == {"p/odd": 1, "p/rest": 2}
    assert found.estimated == {"p/odd": 1.0, "p/rest": 11.0}
    assert found.changed == {("allow", "block"): 1, ("allow", "tag"): 2}


def test_time_is_that_of_the_calls():
    later = ROW | {"started": datetime.fromtimestamp(1_790_000_100, UTC)}
    found = replayed("{name: slow, action: throttle, rate: 1/min, burst: 1}", rows=[ROW, ROW, later])
    assert found.applied == {"p/slow": 1}


def test_a_condition_that_cannot_be_told_is_counted():
    found = replayed('{name: r, when: \'headers["x-key"] == "a"\', action: tag}', rows=[ROW])
    assert found.errors == {"p/r": 1}


def test_the_command_says_what_is_wrong(tmp_path, capsys):
    file = tmp_path / "p.yaml"
    file.write_text(policy("{name: a, action: tga}"))
    assert main(["policy", "test", str(file), "--against", str(tmp_path)]) == 2
    file.write_text(policy("{name: a, action: tag}"))
    assert main(["policy", "test", str(file), "--against", str(tmp_path / "none")]) == 2
    assert "none" in capsys.readouterr().err


def test_the_command_says_when_a_policy_would_score_otherwise(place, tmp_path, capsys):
    file = tmp_path / "p.yaml"
    for more, told in (("", False), ("codec: csv", True), ("detectors: {ecod: 0.01}", True)):
        file.write_text(policy("{name: a, action: tag}", more=more))
        assert main(["policy", "test", str(file), "--against", str(place)]) == 0
        said = capsys.readouterr().out
        assert said.startswith("4 captured calls, which stand for 40\n")
        assert ("p reads or scores calls in its own way" in said) == told


@pytest.mark.parametrize("rows", [[], [UNREAD]])
def test_nothing_to_go_by(rows):
    assert replayed("{name: odd, when: p <= 0.01, action: block}", rows=rows).applied == {}


def test_captured_noise_and_flips_are_known_in_the_replay():
    made = ROW | {"evidence": 'noise;p=0.0010000;by="grain 40-60%", inconsistent;p=0.0040000;by="bits-1"'}
    found = replayed(
        "{name: noisy, when: noise.p <= 0.001, action: tag}",
        "{name: flips, when: inconsistent.p <= 0.004, action: tag}",
        rows=(made, ROW),
    )
    assert found.applied == {"p/noisy": 1, "p/flips": 1}


def test_a_captured_sequence_is_one_in_the_replay():
    walk = ROW | {"verdict": "adversarial", "evidence": "query-sequence;n=7;since=@1789999990;clients=2"}
    found = replayed(
        "{name: long, when: sequence.n == 7 && sequence.clients == 2, action: tag}",
        "{name: quick, when: sequence.n > 0 && sequence.seconds < 11.0, action: tag}",
        rows=(walk, ROW),
    )
    assert found.applied == {"p/long": 1, "p/quick": 1}


def test_a_policy_s_own_threshold_counts():
    policies = check_text(
        policy('{name: odd, when: verdict == "outlier", action: tag}', more="threshold: 0.5")
    )
    assert replay(policies.policies, (ROW, CLEAN, UNREAD)).applied == {"p/odd": 2}
    strict = check_text(policy("{name: odd, when: flagged > 0, action: tag}", more="threshold: 0.001"))
    assert replay(strict.policies, (ROW, CLEAN)).applied == {}
