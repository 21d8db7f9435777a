from sidecar.console.pages import policies
from tests.console.seen import HOSTILE, check

RULE = {"name": HOSTILE, "when": "score > 0.99", "action": "block", "dry_run": True}
RULE |= {"applied": 0, "would_have_applied": 25, "errors": 3}
POLICY = {"name": "strict", "description": HOSTILE, "file": "a.yaml", "expose": "caller", "threshold": 0.01}
FOUND = {
    **{"setting": "policies", "digest": "abc", "warnings": ["never fires"], "errors": []},
    "policies": [{**POLICY, "rules": [RULE]}],
    "changes": {"applied": 2, "refused": 0, "applied_at": "2025-11-23T15:00:00Z", "refused_at": None},
    "alerts": [
        {"time": "2025-11-23T15:00:00Z", "rule": "r", "request_id": HOSTILE, "verdict": "outlier", "p": 0.001}
    ],
}


def test_what_a_dry_run_would_have_done_is_a_share_of_all_calls():
    seen = check("".join(policies.parts(FOUND, 1000)))
    assert "block (dry run)02.50%253" in seen.words
    assert "2 changes" in seen.words
    assert seen.words.count(HOSTILE) >= 2


def test_another_model_that_is_asked_too_stands_beside_the_own():
    told = {"to": "http://m:1", "share": 1.0, "outcomes": {"same": 3, "values": 1, "dropped": 2, "away": 4}}
    told |= {"rows": 8, "differing": 2, "seconds": 0.4, "other_seconds": 0.8}
    rule = {**RULE, "action": "shadow", "shadow": told}
    one = {"time": "2025-11-23T15:00:00Z", "rule": "r", "request_id": HOSTILE, "outcome": "values"}
    found = {**FOUND, "policies": [{**POLICY, "rules": [rule]}], "shadowed": [{**one, "column": HOSTILE}]}
    seen = check("".join(policies.parts(found, 10)))
    assert "same 3, values 1, dropped 2, away 4" in seen.words
    assert "25%" in seen.words
    assert "200 ms" in seen.words
    assert "100 ms" in seen.words
    nothing = {**told, "outcomes": {}, "rows": 0}
    idle = {**found, "policies": [{**POLICY, "rules": [{**rule, "shadow": nothing}]}], "shadowed": []}
    assert "nothing yet" in check("".join(policies.parts(idle, 0))).words


def test_files_that_cannot_be_used_are_told_first():
    seen = check("".join(policies.parts({**FOUND, "errors": [HOSTILE], "alerts": []}, 0)))
    assert "cannot be used" in seen.words
    assert HOSTILE in seen.words


def test_without_a_policy_it_says_how_to_get_one():
    assert "--policy FILE" in check("".join(policies.parts({**FOUND, "setting": ""}, 0))).words
