"""What holds for all calls of one kind, whichever rules apply."""

import msgspec

from sidecar.exchange import Evidence, Hints, Score
from sidecar.policy.rules import Budget
from tests.policy.books import book
from tests.policy.documents import policy
from tests.policy.told import facts


def test_the_model_sees_facts_only_if_they_come_first():
    assert book(policy(more="expose: model")).course(facts()).scope.shown_to_model
    assert book(policy("{name: a, action: tag, expose: both}")).course(facts()).scope.shown_to_model
    assert not book(policy("{name: a, action: tag}")).course(facts()).scope.shown_to_model


def test_what_a_document_says_of_its_calls_is_that_of_the_first_policy_that_says_it_and_redaction_adds_up():
    one = policy(more="codec: csv\ncapture-rate: 0.0\nredact: email")
    other = policy(more="codec: v2\ncapture-rate: 0.5\nredact: $.user").replace("name: p", "name: q")
    scope = book(one, other).course(facts()).scope
    assert (scope.codec, scope.capture_rate, scope.redact) == ("csv", 0.0, "email,$.user")
    without = book(policy("{name: a, action: tag}")).course(facts()).scope
    assert (without.codec, without.capture_rate, without.redact) == ("", None, "")


def test_another_threshold_flags_other_rows():
    def judged(score: Score, threshold: float) -> Score:
        return book(policy(more=f"threshold: {threshold}")).course(facts()).scope.judged(score)

    score = Score("outlier", 0.005, (0.005, 0.5), (0,))
    assert judged(score, 0.6).flagged == (0, 1)
    assert judged(score, 0.001).verdict == "normal"
    attack = Score("adversarial", 0.005, (0.005,), (0,), evidence=(Evidence("query-sequence"),))
    assert judged(attack, 0.001) == msgspec.structs.replace(attack, flagged=())
    busy = Score("unscored", float("nan"), reason="busy")
    assert judged(busy, 0.6) is busy
    assert book(policy(more="expose: none")).course(facts()).scope.judged(score) is score


def test_of_each_kind_of_hint_the_first_counts_and_detectors_come_before_a_threshold():
    one = policy(more="schema: {names: [a, b]}\nthreshold: 0.5")
    other = policy(more="schema: {names: [c], ignore: [b]}\ndetectors: {ecod: 0.1}").replace(
        "name: p", "name: q"
    )
    scope = book(one, other).course(facts()).scope
    assert scope.hints == Hints(names=("a", "b"), ignore=("b",), detectors={"ecod": 0.1})
    assert scope.threshold is None
    assert book(policy(more="threshold: 0.5")).course(facts()).scope.hints is None


def test_of_a_budget_each_part_is_that_of_the_first_policy_that_says_it():
    one = policy(more="budget: {share: 0.0}")
    other = policy(more="budget: {share: 0.5, calls: 2}").replace("name: p", "name: q")
    assert book(one, other).course(facts()).scope.budget == Budget(0.0, 2)
    assert book(policy(more="expose: none")).course(facts()).scope.budget == Budget()


def test_a_book_knows_what_it_must_be_asked_for():
    assert book(policy(more="codec: csv")).names_codecs
    assert not book(policy(more="redact: email")).names_codecs


def test_the_model_is_asked_again_first_only_where_a_rule_may_keep_a_call_from_it():
    flips = "when: inconsistent.p < 0.1"
    block, tag = f"{{name: a, {flips}, action: block}}", f"{{name: a, {flips}, action: tag}}"
    allow, all_else = f"{{name: a, {flips}, action: allow}}", "{name: b, action: block}"
    for rules, first, afterwards in (
        ((block,), True, ()),
        ((tag,), False, (0,)),
        ((all_else, tag), False, (1,)),
        ((allow, all_else), True, ()),
    ):
        scope = book(policy(*rules)).course(facts()).scope
        assert (scope.again, scope.again_first, scope.afterwards) == (True, first, afterwards), rules
    assert not book(policy(all_else)).course(facts()).scope.again
