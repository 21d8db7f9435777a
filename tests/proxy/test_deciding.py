"""Policies at work on real sockets: what comes first, what comes later, and how one set follows another."""

import asyncio
import json
import math
import os

import msgspec
import numpy as np
import pytest

from sidecar.exchange import Hit
from sidecar.policy.known import Asked
from sidecar.proxy.deciding import Policing
from tests.policy.documents import policy
from tests.proxy.dialogue import GET, OK, forwarded, http, listening, put_in_force, sidecar
from tests.proxy.test_judging import (
    Watched,
    answers,
    baseline,
    clean,
    infer,
    outliers,
    slow_when_large,
    steps,
)

BLOCK_ODD = policy("{name: odd, when: p <= 0.01, action: block, status: 422}")
TAG_ODD = policy("{name: odd, when: p <= 0.01, action: tag, label: review}")
LARGE = 70_000
ASKED = Asked("POST", "/", "m", ())


# -- first or later --------------------------------------------------------------------------------


async def test_an_outlier_is_blocked_before_the_model_is_asked():
    async with sidecar(policies=BLOCK_ODD, baseline=baseline()) as stage:
        caller = await stage.caller()
        await caller.send(infer(outliers()))
        response = await caller.response()
        assert response.status == 422
        assert response.field("x-policy-action") == 'block; rule="p/odd"'
        assert response.field("x-anomaly-verdict") == "outlier"
        await stage.no_model()
        await caller.send(infer(clean()))
        model = await stage.model()
        await model.request()
        await model.send(OK)
        assert (await caller.response()).field("x-policy-action") == 'allow; rule="default"'
        blocked, passed = await stage.records(2)
        assert (blocked.verdict, blocked.action, passed.action) == ("outlier", "block", "allow")
        assert blocked.response_body == b""  # it was none of the model's
        assert stage.plane.counters().rule_hits == {"p/odd block": 1}


async def test_a_large_outlier_is_blocked_too():
    async with sidecar(policies=BLOCK_ODD, baseline=baseline(), score_deadline=5.0) as stage:
        caller = await stage.caller()
        await caller.send(infer(outliers(), size=LARGE))
        assert (await caller.response()).status == 422
        await stage.no_model()


async def test_a_tag_does_not_wait_for_the_score():
    request = infer(outliers())
    async with sidecar(policies=TAG_ODD, baseline=baseline()) as stage:
        caller = await stage.caller()
        await caller.send(request[:-5])
        model = await stage.model()
        await model.head()  # it has the head before the request is whole
        await caller.send(request[-5:])
        await model.exactly(len(request.partition(b"\r\n\r\n")[2]))
        await model.send(OK)
        response = await caller.response()
        assert response.field("x-policy-action") == 'tag; rule="p/odd"; label="review"'
        (record,) = await stage.records()
        assert (record.action, record.rule) == ("tag", "p/odd")


async def test_a_rule_looked_at_late_counts_also_when_the_model_fails():
    async with sidecar(policies=TAG_ODD, baseline=baseline()) as stage:
        caller = await stage.caller()
        await caller.send(infer(outliers()))
        model = await stage.model()
        await model.request()
        model.close()
        await caller.problem("upstream-closed")
        (record,) = await stage.records()
        assert (record.action, record.rule) == ("tag", "p/odd")
        assert stage.plane.counters().rule_hits == {"p/odd tag": 1}


async def test_a_call_waits_for_its_score_no_longer_than_the_policy_says():
    for fail, status in (("open", 200), ("closed", 403)):
        rules = policy(f"{{name: odd, when: p <= 0.01, action: block, fail: {fail}}}", more="deadline: 20ms")
        watched = Watched(slow_when_large)
        async with sidecar(policies=rules, baseline=watched, score_deadline=60.0) as stage:
            caller = await stage.caller()
            await caller.send(infer(clean(10), size=LARGE))
            if status == 200:
                model = await stage.model()
                await model.request()
                await model.send(OK)
            response = await caller.response()
            assert response.status == status
            assert response.field("x-anomaly-verdict") == 'unscored; reason="deadline"'


async def test_a_dry_run_is_counted_and_changes_nothing():
    rules = BLOCK_ODD.replace("action: block, status: 422", "action: block, dry-run: true")
    async with sidecar(policies=rules, baseline=baseline()) as stage:
        _, response = await stage.call(infer(outliers()), OK)
        assert response.status == 200
        assert response.field("x-policy-action") == 'allow; rule="default"'
        await stage.records()
        assert stage.plane.counters().rule_hits == {"p/odd block dry-run": 1}


async def test_a_condition_that_cannot_be_told_is_counted():
    rules = policy('{name: r, when: \'headers["x-none"] == "a"\', action: block}')
    async with sidecar(policies=rules) as stage:
        _, response = await stage.call(GET, OK)
        assert response.status == 200
        await stage.records()
        assert stage.plane.counters().rule_errors == {"p/r": 1}


# -- what is seen ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expose", "model_sees", "caller_sees"),
    [("caller", False, True), ("model", True, False), ("both", True, True), ("none", False, False)],
)
async def test_a_policy_says_who_sees_the_facts(expose, model_sees, caller_sees):
    async with sidecar(policies=policy(more=f"expose: {expose}"), baseline=baseline()) as stage:
        got, response = await stage.call(infer(outliers()), OK)
        assert (b"x-anomaly-verdict: outlier" in got) == model_sees
        assert (response.field("x-anomaly-verdict") == "outlier") == caller_sees


async def test_a_rule_may_show_more_than_its_policy():
    rules = policy(
        '{name: ours, when: client == "127.0.0.1", action: allow, expose: both}', more="expose: none"
    )
    async with sidecar(policies=rules, baseline=baseline()) as stage:
        got, response = await stage.call(infer(clean()), OK)
        assert b"x-anomaly-verdict: normal" in got
        assert response.field("x-policy-action") == 'allow; rule="p/ours"'


async def test_a_threshold_of_its_own():
    async with sidecar(policies=policy(more="threshold: 0.9"), baseline=baseline()) as stage:
        _, response = await stage.call(infer(clean(3)), OK)
        assert response.field("x-anomaly-verdict") == "outlier"
        (record,) = await stage.records()
        assert record.verdict == "outlier"
        assert record.flagged == tuple(i for i, p in enumerate(record.row_p) if p <= 0.9)


async def test_policies_are_for_the_calls_that_they_name():
    rules = policy("{name: closed, action: block}", more="match: {method: DELETE}")
    async with sidecar(policies=rules) as stage:
        _, response = await stage.call(GET, OK)
        assert response.status == 200
        caller = await stage.caller()
        await caller.send(http("DELETE / HTTP/1.1", "Host: m"))
        assert (await caller.response()).status == 403


# -- what a document says of its calls -----------------------------------------------------------------


async def test_a_codec_for_the_routes_that_none_knows():
    rules = policy("{name: odd, when: p <= 0.01, action: block}", more="match: {path: /odd}\ncodec: plain")
    body = json.dumps(outliers().tolist()).encode()

    def request(path: str) -> bytes:
        return http(f"POST {path} HTTP/1.1", "Host: m", f"Content-Length: {len(body)}", body=body)

    async with sidecar(policies=rules, baseline=baseline()) as stage:
        _, response = await stage.call(request("/other"), OK)
        assert response.field("x-anomaly-verdict") == 'unscored; reason="unknown-format"'
        caller = await stage.caller()
        await caller.send(request("/odd"))
        assert (await caller.response()).status == 403
        put_in_force(policy("{name: a, action: tag}"), stage.run_dir)
        await stage.until(lambda: stage.plane.judge.hint_of is None, "the change")
        _, response = await stage.call(request("/odd"), OK)
        assert response.field("x-anomaly-verdict") == 'unscored; reason="unknown-format"'
        _, blocked, _ = await stage.records(3)
        assert (blocked.codec, blocked.verdict) == ("plain", "outlier")


async def test_columns_by_other_names_and_detectors_by_their_own_thresholds():
    names = baseline().schema.names
    records = [dict(zip(("first", *names[1:]), row, strict=True)) for row in outliers(2).tolist()]
    body = json.dumps([{**one, "sent_at": "now"} for one in records]).encode()
    request = http(
        *("POST /odd HTTP/1.1", "Host: m", "Content-Type: application/json"),
        f"Content-Length: {len(body)}",
        body=body,
    )
    detector = baseline().detectors[0]
    hints = f"schema: {{ignore: [sent_at], rename: {{first: {names[0]}}}}}"
    async with sidecar(policies=policy(more=hints), baseline=baseline()) as stage:
        _, response = await stage.call(request, OK)
        assert response.field("x-anomaly-verdict") == "outlier"
        strict = f"{hints}\ndetectors: {{{detector}: 0.0000001}}"
        put_in_force(policy(more=strict), stage.run_dir)
        await stage.until(lambda: stage.plane.policing.rulebook.scope(ASKED).hints.detectors, "the change")
        _, response = await stage.call(request, OK)
        assert response.field("x-anomaly-verdict") == "normal"
        assert response.field("x-anomaly-detail").startswith(detector)
        put_in_force(policy(more="detectors: {none: 0.1}"), stage.run_dir)
        await stage.until(lambda: not stage.plane.policing.rulebook.scope(ASKED).hints.rename, "the change")
        _, response = await stage.call(infer(clean()), OK)
        assert response.field("x-anomaly-verdict") == 'unscored; reason="no-detector:none"'


async def test_a_share_of_its_calls_is_captured(tmp_path):
    rules = policy(more="match: {path: /all}\ncapture-rate: 1")
    async with sidecar(policies=rules, capture=str(tmp_path), capture_rate=0.0) as stage:
        for path in ("/all", "/none"):
            await stage.call(http(f"GET {path} HTTP/1.1", "Host: m"), OK)
        captured, none = await stage.records(2)
        assert (captured.weight, none.weight) == (1.0, 0.0)


async def test_what_it_names_is_taken_out_of_its_calls_only(tmp_path):
    rules = policy(
        more="match: {path: /v1/models/m:predict}\nredact: $.name,column:{NAME}".replace(
            "{NAME}", baseline().schema.names[2]
        )
    )
    rows = {"name": "Ada", "instances": clean().tolist(), "mail": "ada@example.com"}
    body = json.dumps(rows).encode()

    def request(path: str) -> bytes:
        return http(
            *(f"POST {path} HTTP/1.1", "Host: m", "Content-Type: application/json"),
            f"Content-Length: {len(body)}",
            body=body,
        )

    async with sidecar(policies=rules, capture=str(tmp_path), capture_rate=1.0, baseline=baseline()) as stage:
        stage.plane.keeping.blind(baseline().schema.names)
        for path in ("/v1/models/m:predict", "/v1/models/n:predict"):
            await stage.call(request(path), OK)
        named, other = await stage.records(2)
        assert json.loads(named.captured.request_body)["name"] is None
        assert json.loads(other.captured.request_body)["name"] == "Ada"
        assert "path" in named.captured.marks
        features = [np.frombuffer(one.features).tolist() for one in (named, other)]
        assert [math.isnan(one[2]) for one in features] == [True, False]
        assert features[0][3:] == features[1][3:]
        for one in (named, other):
            assert b"ada@example.com" not in one.captured.request_body


# -- one set after another ---------------------------------------------------------------------------


async def test_a_change_holds_from_the_next_call_on_and_not_for_one_that_has_begun():
    async with sidecar(policies=policy("{name: a, action: tag}")) as stage:
        caller, model = await stage.begin(GET)
        put_in_force(policy("{name: b, action: block}"), stage.run_dir)
        await stage.until(
            lambda: stage.plane.policing.rulebook.policies.policies[0].rules[0].name == "b", "the change"
        )
        await model.send(OK)
        assert (await caller.response()).field("x-policy-action") == 'tag; rule="p/a"'
        await caller.send(GET)
        assert (await caller.response()).status == 403


def test_what_cannot_be_read_leaves_the_old_ones_in_force(tmp_path, caplog):
    policing = Policing()
    policing.look(tmp_path, "caller")
    assert policing.rulebook is None
    assert "No such file" in policing.refused
    put_in_force(policy("{name: a, action: tag}"), tmp_path)
    policing.look(tmp_path, "caller")
    first = policing.rulebook
    assert (first.digest, policing.refused) == (policing.digest, "")
    (tmp_path / "policies.json").write_bytes(b'{"digest": "x"}')
    policing.look(tmp_path, "caller")
    assert policing.rulebook is first
    assert "missing required field `policies`" in policing.refused
    before = len(caplog.records)
    os.utime(tmp_path / "policies.json", ns=(1, 1))
    policing.look(tmp_path, "caller")
    assert len(caplog.records) == before  # said once


def test_another_exposure_of_the_settings_is_taken_over(tmp_path):
    put_in_force(policy("{name: a, action: tag}"), tmp_path)
    policing = Policing()
    policing.look(tmp_path, "caller")
    policing.look(tmp_path, "none")
    policies = policing.rulebook.policies
    assert msgspec.json.decode((tmp_path / "policies.json").read_bytes(), type=type(policies)) == policies
    assert policing.rulebook._expose == "none"


# -- throttle, fall back, keep -------------------------------------------------------------------------


async def test_one_call_too_many_has_to_wait():
    rules = policy("{name: slow, action: throttle, rate: 1/h, burst: 2}", "{name: rest, action: tag}")
    async with sidecar(policies=rules) as stage:
        for _ in range(2):
            _, response = await stage.call(GET, OK)
            assert response.field("x-policy-action") == 'tag; rule="p/rest"'
        caller = await stage.caller()
        await caller.send(GET)
        response = await caller.response()
        assert (response.status, response.field("x-sidecar-error")) == (429, "throttled")
        assert 3000 < int(response.field("retry-after")) <= 3600
        assert response.field("x-policy-action") == 'throttle; rule="p/slow"'
        assert json.loads(response.body)["status"] == 429
        await stage.records(3)
        assert stage.plane.counters().rule_hits == {"p/rest tag": 2, "p/slow throttle": 1}


async def test_a_throttle_counts_by_what_the_policy_says_and_goes_on_over_a_change():
    rules = policy("{name: slow, action: throttle, rate: 1/h, burst: 1, by: 'headers[\"x-key\"]'}")
    async with sidecar(policies=rules) as stage:
        caller, model = await stage.caller(), None

        async def asks(key: str) -> int:
            nonlocal model
            await caller.send(http("GET / HTTP/1.1", "Host: m", *([f"X-Key: {key}"] if key else [])))
            if key not in seen:
                seen.add(key)
                model = model or await stage.model()
                await model.request()
                await model.send(OK)
            return (await caller.response()).status

        seen: set[str] = set()
        assert [await asks(key) for key in ("a", "b", "a", "", "")] == [200, 200, 429, 200, 429]
        before = stage.plane.policing.rulebook
        put_in_force(rules + "  - {name: more, action: tag}\n", stage.run_dir)
        await stage.until(lambda: stage.plane.policing.rulebook is not before, "the change")
        assert await asks("a") == 429


async def test_another_model_answers():
    with listening() as other:
        rules = policy(
            f"{{name: previous, action: fallback, to: 'http://127.0.0.1:{other.getsockname()[1]}'}}"
        )
        async with sidecar(policies=rules, model=None) as stage:
            caller = await stage.caller()
            await caller.send(GET)
            accepted, _ = await asyncio.get_running_loop().sock_accept(other)
            model = stage._peer(accepted)
            assert forwarded(await model.request()) == GET
            await model.send(OK)
            response = await caller.response()
            assert response.field("x-policy-action") == 'fallback; rule="p/previous"'
            await stage.no_model()
            put_in_force(policy("{name: a, action: tag}"), stage.run_dir)
            await model.gone()  # nobody names it any more


async def test_another_model_that_is_not_there():
    rules = policy("{name: previous, action: fallback, to: 'http://127.0.0.1:1'}")
    async with sidecar(policies=rules) as stage:
        caller = await stage.caller()
        await caller.send(GET)
        await caller.problem("upstream-refused")
        await stage.no_model()


async def test_a_fixed_answer_is_none_of_ours():
    rules = policy("{name: fixed, action: fallback, body: '{\"label\": null}'}")
    async with sidecar(policies=rules) as stage:
        caller = await stage.caller()
        await caller.send(GET)
        response = await caller.response()
        assert (response.status, json.loads(response.body)) == (200, {"label": None})
        assert response.field("x-sidecar-error") is None
        assert response.field("x-policy-action") == 'fallback; rule="p/fixed"'
        await stage.no_model()


async def test_what_is_to_be_kept_is_told_with_its_weight(tmp_path):
    rules = policy(
        '{name: keep, when: path == "/keep", action: quarantine}',
        '{name: half, when: path == "/half", action: sample, share: 0.5}',
        '{name: say, when: path == "/keep", action: alert, detail: Look.}',
    )
    async with sidecar(policies=rules, capture=str(tmp_path), capture_rate=0.0) as stage:
        for path in ("/keep", "/half", "/none", *["/half"] * 20):
            await stage.call(http(f"GET {path} HTTP/1.1", "Host: m"), OK)
        kept, _, none, *_ = records = await stage.records(23)
        assert (kept.weight, none.weight) == (1.0, 0.0)
        assert kept.hits == (Hit("p/keep", "quarantine"), Hit("p/say", "alert", detail="Look."))
        assert stage.plane.policing.by_rule()["p/say alert"] == 1
        weights = [one.weight for one in records if one.target == "/half"]
        assert set(weights) == {0.0, 2.0}


async def test_a_head_that_comes_again_is_understood_once_and_judged_by_the_rules_now_in_force():
    async with sidecar(policies=policy("{name: old, action: tag}")) as stage:
        await stage.call(GET, OK)
        (head,) = stage.plane.recall._heads.values()
        (asked,) = head.asked
        assert stage.plane.policing.by_rule() == {"p/old tag": 1}
        put_in_force(policy('{name: new, when: \'headers["host"] == "m"\', action: tag}'), stage.run_dir)
        stage.plane.policing.look(stage.run_dir, "caller")
        await stage.call(GET, OK)
        assert head.asked == [asked]
        assert stage.plane.policing.by_rule() == {"p/old tag": 1, "p/new tag": 1}


# -- sequences ---------------------------------------------------------------------------------------

BLOCK_SEQUENCES = policy("{name: walk, when: sequence.n >= 3, action: block}")


async def test_a_sequence_is_blocked_while_a_policy_asks_for_it():
    async with sidecar(policies=BLOCK_SEQUENCES, baseline=baseline()) as stage:
        told = await answers(stage, steps(2))
        caller = await stage.caller()
        for rows in steps(5)[2:]:
            await caller.send(infer(rows))
            told.append(await caller.response())
        statuses = [one.status for one in told]
        assert statuses == [200, 200, 403, 403, 403]
        assert stage.plane.counters().rule_hits == {"p/walk block": 3}
        put_in_force(TAG_ODD, stage.run_dir)
        stage.worker._look()
        assert stage.plane.judge.walks is None
