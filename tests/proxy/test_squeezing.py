"""The model is asked again about squeezed pictures: only where a policy asks, marked, within limits, and
never at the cost of a call."""

from __future__ import annotations

import contextlib

import msgspec

from sidecar.proxy.squeezing import OUTCOMES
from tests.defence import made
from tests.defence.made import FRESH, digits, fgsm
from tests.policy.documents import policy
from tests.proxy.dialogue import put_in_force, sidecar
from tests.proxy.test_judging import infer

BLOCK = policy("{name: flips, when: inconsistent.p <= 0.05, action: block}", more="deadline: 30s")
TAG = policy("{name: flips, when: inconsistent.p <= 0.05, action: tag}")
MARKS = ["bits-1", "bits-4", "non-local-means"]


@contextlib.asynccontextmanager
async def asking(policies=BLOCK, **settings):
    """A stage before the model of digits, with policies that ask for `inconsistent.p`."""
    settings.setdefault("baseline_directory", str(made.asked_baseline()))
    with made.served() as model:
        async with sidecar(
            upstream=model.url, policies=policies, adversarial_threshold=0.05, **settings
        ) as stage:
            yield stage, model
            stage.plane.pool.close()  # the model keeps idle connections for longer than a test should take


async def call(stage, rows, *fields):
    caller = await stage.caller()
    await caller.send(infer(rows, *fields))
    return await caller.response(to="POST")


def outcomes(stage):
    return stage.plane.counters().squeezed


def flipping(count=20):
    """Attacks, the likeliest first."""
    return fgsm(0.3)[:count]


async def test_a_picture_whose_answer_flips_is_kept_from_the_model():
    async with asking() as (stage, model):
        for row in flipping():
            answer = await call(stage, row[None])
            if answer.status == 403:
                break
        assert answer.status == 403
        assert "adversarial" in answer.field("x-anomaly-verdict")
        assert "inconsistent;p=0.0" in answer.field("x-anomaly-evidence")
        assert sorted(filter(None, model.marks[-4:])) == [*MARKS, "none"]
        assert outcomes(stage)["inconsistent"] == 1
        records = await stage.records(sum(outcomes(stage).values()))
        assert [one.sign for one in records[-1].evidence if one.sign == "inconsistent"]


async def test_a_clean_picture_passes_and_is_asked_about_once():
    async with asking() as (stage, model):
        answers = [await call(stage, row[None]) for row in digits().pictures[FRESH][:5]]
        assert sum(answer.status == 200 for answer in answers) >= 4
        assert sum(outcomes(stage).values()) == 5
        passed = sum(answer.status == 200 for answer in answers)
        assert model.marks.count(None) == passed
        assert len(model.marks) == passed + 5 * 4


async def test_a_rule_that_keeps_nothing_back_costs_the_caller_nothing():
    async with asking(TAG) as (stage, model):
        rows = flipping(12)
        answers = [await call(stage, row[None]) for row in rows]
        assert {answer.status for answer in answers} == {200}
        assert {answer.field("x-policy-action") for answer in answers} == {'allow; rule="default"'}
        records = await stage.records(len(rows))
        assert len(model.marks) == 4 * len(rows)
        assert "none" not in model.marks  # the caller's own answer is compared
        tagged = [record for record in records if record.action == "tag"]
        assert tagged
        for record in tagged:
            assert "inconsistent" in [one.sign for one in record.evidence]
            assert record.verdict == "adversarial"
            assert [hit.rule for hit in record.hits] == ["p/flips"]
        assert outcomes(stage)["inconsistent"] >= len(tagged)
        assert stage.plane.policing.by_rule() == {"p/flips tag": len(tagged)}


async def test_nobody_asks_unless_a_policy_does():
    async with asking(policy("{name: odd, when: p <= 0.5, action: tag}")) as (stage, model):
        await call(stage, digits().pictures[FRESH][:1])
        await stage.records()
        assert model.marks == [None]
        assert outcomes(stage) == {}


async def test_a_share_of_calls_and_so_many_at_a_time():
    async with asking(squeeze_share=0.0) as (stage, model):
        assert (await call(stage, flipping(1))).status == 200
        assert model.marks == [None]
        assert outcomes(stage) == {"left-out": 1}
        stage.plane.settings = msgspec.structs.replace(stage.plane.settings, squeeze_share=1.0)
        stage.plane.squeezing.in_flight = stage.plane.settings.squeeze_calls
        assert (await call(stage, flipping(1))).status == 200
        assert outcomes(stage) == {"left-out": 1, "dropped": 1}
        assert set(outcomes(stage)) <= set(OUTCOMES)


async def test_a_policy_has_a_budget_of_its_own():
    budget = BLOCK.replace("deadline: 30s", "deadline: 30s\nbudget: {share: 0.0}")
    async with asking(budget) as (stage, model):
        assert (await call(stage, flipping(1))).status == 200
        assert outcomes(stage) == {"left-out": 1}
        put_in_force(budget.replace("share: 0.0", "share: 1.0, calls: 1"), stage.run_dir)
        stage.worker._look()
        stage.plane.squeezing.in_flight = 1
        assert (await call(stage, flipping(1))).status == 200
        assert outcomes(stage) == {"left-out": 1, "dropped": 1}
        assert model.marks == [None, None]


async def test_a_model_that_fails_when_asked_again_fails_no_call():
    for policies in (BLOCK, TAG):
        async with asking(policies) as (stage, model):
            model.fails = True
            assert (await call(stage, flipping(1))).status == 200
            (record,) = await stage.records()
            assert record.verdict != "unscored"
            assert outcomes(stage) == {"failed": 1}


async def test_what_cannot_be_written_anew_is_not_asked():
    async with asking() as (stage, model):
        many = digits().pictures[FRESH][:40]  # more than 64 KiB
        assert (await call(stage, many)).status == 200
        assert outcomes(stage) == {"unwritten": 1}
        assert None in model.marks


async def test_a_caller_cannot_pass_for_a_question_of_ours():
    async with asking() as (stage, model):
        await call(stage, digits().pictures[FRESH][:1], "x-sidecar-squeezed: none")
        assert sum(outcomes(stage).values()) == 1
        assert len([mark for mark in model.marks if mark]) == 4


async def test_a_model_too_slow_for_the_deadline_costs_no_score():
    slow = policy("{name: flips, when: inconsistent.p <= 0.05, action: block}", more="deadline: 1ms")
    async with asking(slow) as (stage, _):
        answer = await call(stage, digits().pictures[FRESH][:1])
        assert answer.status in (200, 403)  # on a fast machine the model was in time
        (record,) = await stage.records()
        assert (record.verdict == "unscored") == (record.reason == "deadline")
