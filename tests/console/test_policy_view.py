"""What the API says of policies: what is in force, what became of the last change, how often each rule
applied."""

import msgspec

from sidecar.console import policy_view
from sidecar.console.health import readiness
from sidecar.exchange import Shadowed
from sidecar.link import Counters, Shadow
from sidecar.observer.observer import Observer
from sidecar.policy import handing
from sidecar.policy.checking import check_text
from tests.observer.talk import batch
from tests.observer.test_observer import Clock, settings
from tests.policy.documents import policy

RULES = policy(
    "{name: a, when: p < 0.01, action: block, dry-run: true}",
    "{name: b, action: tag}",
    "{name: new, action: shadow, to: 'http://m:1', share: 0.5}",
    more="description: Just so.\nmatch: {path: /v2/*}",
)


LABEL = Shadowed("p/new", "call-1", "0" * 32, 1_790_000_000_000_000_000, "values", 200, 200, 3, 1, "y")
NUMBER = msgspec.structs.replace(LABEL, id="call-2", outcome="numbers", largest=0.5)


def observer(tmp_path, **more):
    observer = Observer(settings(policy="p.yaml"), Clock())
    observer.run_dir = tmp_path
    handing.write(tmp_path, handing.IN_FORCE, check_text(RULES, "p.yaml").policies)
    handing.write(
        tmp_path, handing.STATUS, handing.Status(applied=2, refused=1, applied_at=1_790_000_000.0, **more)
    )
    counters = Counters(
        calls=9,
        rule_hits={"p/a block dry-run": 3, "p/b tag": 9, "old/rule tag": 1},
        rule_errors={"p/a": 2},
        shadows={"p/new": Shadow({"same": 2, "numbers": 1}, 5, 1, 0.5, 0.25)},
    )
    observer.connected(0)
    told = batch(counters=counters, policies="abc", shadowed=(LABEL, NUMBER))
    observer.hear(told)
    return observer


def test_everything_is_shown(tmp_path):
    shown = policy_view.policies(observer(tmp_path))
    assert shown["setting"] == "p.yaml"
    assert shown["changes"]["applied"] == 2
    assert shown["changes"]["refused"] == 1
    assert shown["changes"]["applied_at"] == "2026-09-21T14:13:20.000Z"
    assert shown["errors"] == []
    assert shown["workers"] == [{"worker": 0, "digest": "abc", "refused": ""}]
    (one,) = shown["policies"]
    assert (one["name"], one["file"], one["description"]) == ("p", "p.yaml", "Just so.")
    assert one["match"] == {"path": ("/v2/*",)}
    a, b, new = one["rules"]
    assert (a["name"], a["when"], a["action"], a["dry_run"]) == ("a", "p < 0.01", "block", True)
    assert (a["applied"], a["would_have_applied"], a["errors"]) == (0, 3, 2)
    assert (b["applied"], b["would_have_applied"], b["errors"]) == (9, 0, 0)
    assert "shadow" not in b
    assert new["shadow"] == {
        "to": "http://m:1", "share": 0.5, "outcomes": {"same": 2, "numbers": 1}, "rows": 5, "differing": 1,
        "seconds": 0.5, "other_seconds": 0.25,
    }  # fmt: skip
    assert [(told["request_id"], told["outcome"], told["column"]) for told in shown["shadowed"]] == [
        ("call-2", "numbers", "y"),
        ("call-1", "values", "y"),
    ]
    assert shown["shadowed"][0]["time"] == "2026-09-21T14:13:20.000Z"
    assert {told["largest"] == 0.5 for told in shown["shadowed"]} == {True, False}


def test_what_is_wrong_stands_in_the_detail_of_readiness_and_does_not_count(tmp_path):
    status, body = readiness(observer(tmp_path, errors=("p.yaml:1:1: no",)))
    assert (status, body["policy_errors"]) == (200, ["p.yaml:1:1: no"])
    assert readiness(observer(tmp_path))[1]["policy_errors"] == []


def test_without_policies_there_is_nothing_to_show():
    plain = Observer(settings(), Clock())
    assert policy_view.policies(plain)["policies"] == []
    assert policy_view.errors(plain) == []


def test_files_that_cannot_be_read_are_none(tmp_path):
    seen = observer(tmp_path)
    (tmp_path / handing.IN_FORCE).write_bytes(b"{")
    assert policy_view.policies(seen)["policies"] == []
