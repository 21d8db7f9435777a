"""From facts to a decision: order, what ends the search, what must be known first, and what is only noted."""

import pytest

from sidecar.exchange import Decision, Hit, Mirror
from sidecar.policy.course import Course
from sidecar.redaction.patterns import PATTERNS
from tests.policy.books import NORMAL, ODD, book, decided
from tests.policy.documents import policy
from tests.policy.ready import DIRECTORY
from tests.policy.told import facts, unscored

# -- order -------------------------------------------------------------------------------------------


def test_without_a_rule_that_applies_a_call_is_allowed():
    rulebook = book(policy("{name: a, when: p < 0.01, action: block}"))
    assert decided(rulebook, NORMAL) == Decision()
    assert book(policy(more="expose: none")).course(NORMAL).decision() == Decision(expose="none")


def test_the_first_rule_that_ends_the_search_is_the_last():
    rulebook = book(
        policy(
            "{name: a, when: p < 0.01, action: tag, label: low}",
            "{name: b, when: rows > 0, action: allow}",
            "{name: c, action: block}",
        )
    )
    assert decided(rulebook, ODD) == Decision(
        "tag", "p/a", "caller", "low", (Hit("p/a", "tag"), Hit("p/b", "allow"))
    )
    assert decided(rulebook, NORMAL) == Decision("allow", "p/b", "caller", "", (Hit("p/b", "allow"),))


def test_a_rule_that_ends_the_search_by_the_score_ends_it_for_all_rules_behind_it():
    behind = ("{name: tell, when: p < 1.0, action: alert}", "{name: keep, action: quarantine}")
    course = book(policy("{name: fine, when: p > 0.4, action: allow}", *behind)).course(facts())
    assert course.go_on()  # nothing blocks, so the call need not wait
    course.facts.take(NORMAL._score, 1, NORMAL._names, NORMAL._block)
    assert course.go_on()
    assert course.decision() == Decision("allow", "p/fine", "caller", "", (Hit("p/fine", "allow"),))
    assert decided(book(policy(*behind)), NORMAL).keep == 1.0


def test_what_blocks_is_shown_before_what_was_noted_on_the_way():
    rulebook = book(policy("{name: a, action: tag}", "{name: b, when: p < 0.01, action: block, status: 422}"))
    found = decided(rulebook, ODD)
    assert (found.action, found.rule, found.answer.status) == ("block", "p/b", 422)
    assert found.hits == (Hit("p/a", "tag"), Hit("p/b", "block"))
    assert decided(rulebook, NORMAL).answer is None


def test_policies_are_asked_one_after_the_other():
    rulebook = book(
        policy("{name: a, when: p < 0.01, action: allow}"),
        policy("{name: b, action: block}").replace("name: p", "name: q"),
    )
    assert decided(rulebook, ODD).action == "allow"
    assert decided(rulebook, NORMAL).rule == "q/b"


def test_a_dry_run_is_noted_and_does_nothing():
    rulebook = book(
        policy("{name: a, action: block, dry-run: true}", "{name: b, when: p < 0.01, action: tag}")
    )
    assert decided(rulebook, NORMAL) == Decision(hits=(Hit("p/a", "block", True),))
    found = decided(rulebook, ODD)
    assert (found.action, found.answer, len(found.hits)) == ("tag", None, 2)


def test_other_models_are_asked_by_every_rule_that_applies_and_the_call_goes_on_as_it_would():
    rulebook = book(
        policy(
            "{name: a, action: shadow, to: 'http://a:1', share: 0.5, tolerance: 0.01}",
            "{name: b, when: p < 0.01, action: shadow, to: 'http://b:1'}",
            "{name: c, action: shadow, to: 'http://c:1', dry-run: true}",
        )
    )
    assert not rulebook.course(NORMAL).scope._waits(0)
    found = decided(rulebook, ODD)
    assert (found.action, found.rule, found.to, found.answer) == ("shadow", "p/a", "", None)
    assert found.mirrors == (Mirror("p/a", "http://a:1", 0.5, 0.01), Mirror("p/b", "http://b:1", 1.0, 1e-6))
    assert decided(rulebook, NORMAL).mirrors == found.mirrors[:1]
    assert (decided(book(policy("{name: a, action: shadow, to: 'http://a:1'}")), ODD).to) == ""


def test_what_several_rules_want_masked_is_masked_and_a_dry_run_masks_nothing():
    rulebook = book(
        policy(
            "{name: a, action: mask, secrets: 'card,email'}",
            "{name: b, when: p < 0.01, action: mask, secrets: pem}",
            "{name: c, action: mask, dry-run: true}",
        )
    )
    assert decided(rulebook, ODD).masks == ("email", "card", "pem")
    assert decided(rulebook, NORMAL).masks == ("email", "card")
    assert decided(book(policy("{name: a, action: mask}")), ODD).masks == tuple(PATTERNS)
    assert decided(book(policy("{name: a, action: tag}")), ODD).masks == ()


def test_who_sees_it_is_said_by_the_first_that_says_it():
    rulebook = book(
        policy(
            "{name: a, when: p < 0.01, action: tag, expose: both}",
            "{name: b, action: tag}",
            more="expose: none",
        ),
        policy(more="expose: model").replace("name: p", "name: q"),
    )
    assert decided(rulebook, ODD).expose == "both"
    assert decided(rulebook, NORMAL).expose == "none"


# -- what must be known first --------------------------------------------------------------------------


def first_step(*rules: str, more: str = "") -> tuple[bool, Course]:
    """Whether a call without a score may go on."""
    course = book(policy(*rules, more=more)).course(facts())
    return course.go_on(), course


BLOCK_SCORED = "{name: block, when: p < 0.01, action: block}"
BLOCK_HEAD = '{name: block-head, when: method == "DELETE", action: block}'
TAG_SCORED = "{name: tag, when: p < 0.01, action: tag}"
ALLOW_SCORED = "{name: allow, when: p > 0.5, action: allow}"
ALLOW_HEAD = '{name: allow-head, when: client == "10.0.0.7", action: allow}'


@pytest.mark.parametrize(
    ("rules", "may_go"),
    [
        ((BLOCK_SCORED,), False),
        ((TAG_SCORED,), True),
        ((BLOCK_HEAD,), True),
        ((TAG_SCORED, BLOCK_HEAD), True),
        ((BLOCK_HEAD, TAG_SCORED, BLOCK_SCORED), False),
        ((ALLOW_SCORED,), True),
        ((ALLOW_SCORED, BLOCK_HEAD), False),
        ((BLOCK_HEAD, ALLOW_SCORED), True),
        ((ALLOW_HEAD, BLOCK_SCORED), True),  # the search has ended before
        ((), True),
    ],
)
def test_a_call_waits_for_its_score_only_when_a_block_hangs_on_it(rules, may_go):
    assert first_step(*rules)[0] == may_go


def test_what_was_left_for_later_is_looked_at_once_there_is_a_score():
    may_go, course = first_step(TAG_SCORED, "{name: all, action: tag}")
    assert may_go
    assert course.unfinished
    assert course.decision().hits == (Hit("p/all", "tag"),)
    course.facts.take(ODD._score, 1, ODD._names, ODD._block)
    assert course.go_on()
    assert not course.unfinished
    assert course.decision().hits == (Hit("p/tag", "tag"), Hit("p/all", "tag"))
    assert course.decision().rule == "p/tag"


def test_going_on_twice_applies_nothing_twice():
    may_go, course = first_step(BLOCK_HEAD, "{name: all, action: tag}", BLOCK_SCORED)
    assert not may_go
    assert not course.go_on()
    course.facts.take(ODD._score, 1, ODD._names, ODD._block)
    assert course.go_on()
    assert course.go_on()
    assert course.decision().hits == (Hit("p/all", "tag"), Hit("p/block", "block"))


def test_many_rules_are_asked_as_one_and_each_still_counts():
    rules = [f"{{name: r{i}, when: rows == {i}, action: tag}}" for i in range(1, 200)]
    rulebook = book(policy(*rules, '{name: last, when: client == "10.0.0.8", action: tag}'))
    assert decided(rulebook, facts((1.0, 2.0))).rule == "p/r1"
    assert decided(rulebook, facts((1.0, 2.0), (1.0, 2.0), row_p=(0.5, 0.5))).rule == "p/r2"
    assert decided(rulebook, facts((1.0, 2.0), client="10.0.0.8")).hits[-1].rule == "p/last"
    assert decided(rulebook, unscored("busy")).hits == ()


# -- what is missing -----------------------------------------------------------------------------------


def test_without_a_score_a_rule_goes_by_what_it_says():
    rules = (BLOCK_SCORED, "{name: closed, when: p < 0.001, action: block, fail: closed}")
    course = book(policy(*rules)).course(unscored("busy"))
    assert course.go_on()
    assert course.decision().rule == "p/closed"
    assert course.errors == ()  # it is nobody's mistake


def test_a_condition_that_cannot_be_told_is_an_error_and_counts_as_missing():
    for fail, action in (("open", "allow"), ("closed", "block")):
        rule = f"{{name: a, when: 'features[\"none\"] > 1.0', action: block, fail: {fail}}}"
        course = book(policy(rule)).course(facts((1.0, 2.0)))
        assert course.go_on()
        assert course.errors == ("p/a",)
        assert course.decision().action == action


@pytest.mark.parametrize(
    ("reason", "action"),
    [
        *((reason, "allow") for reason in ("busy", "deadline", "worker-starting", "worker-away")),
        *((reason, "allow") for reason in ("worker-refused", "not-a-score:abod", "no-detector:abod")),
        *(
            (reason, "block")
            for reason in ("not-json", "schema-mismatch:missing:s1", "missing:s1", "no-rows")
        ),
    ],
)
def test_the_schema_guard_refuses_what_does_not_fit_and_not_what_we_could_not_score(reason, action):
    guard = book((DIRECTORY / "06-schema-guard.yaml").read_text())
    assert decided(guard, unscored(reason)).action == action


# -- the model asked again -----------------------------------------------------------------------------


def test_rules_that_wait_for_the_model_to_be_asked_again_are_looked_at_last():
    rulebook = book(
        policy(
            "{name: a, when: inconsistent.p <= 0.5, action: tag}", "{name: b, when: p < 1.0, action: alert}"
        )
    )
    course = rulebook.course(facts((1.0, 2.0)))
    assert course.go_on()
    assert course.decision().rule == "p/b"
    assert not course.unfinished
    course.conclude()
    assert course.decision().hits == (Hit("p/a", "tag"), Hit("p/b", "alert"))


def test_what_ended_the_search_behind_them_is_no_end_for_them():
    rulebook = book(policy("{name: a, when: inconsistent.p <= 0.5, action: tag}", ALLOW_HEAD))
    course = rulebook.course(facts((1.0, 2.0)))
    course.go_on()
    course.conclude()
    assert course.decision().hits == (Hit("p/a", "tag"), Hit("p/allow-head", "allow"))


def test_what_ended_the_search_before_is_the_end_for_them_too():
    rulebook = book(
        policy(
            "{name: a, when: rows > 0, action: allow}", "{name: b, when: inconsistent.p < 0.9, action: tag}"
        )
    )
    course = rulebook.course(facts((1.0, 2.0)))
    course.go_on()
    course.conclude()
    assert course.decision().hits == (Hit("p/a", "allow"),)
