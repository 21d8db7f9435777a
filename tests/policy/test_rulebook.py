"""Which policies are for a call; and what they have counted goes on when others take their place."""

import pytest

from sidecar.policy.known import Asked
from sidecar.policy.rulebook import SCOPES_KEPT
from tests.policy.books import NORMAL, book, decided
from tests.policy.documents import policy
from tests.policy.told import facts

# -- which calls ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        ("{path: /v2/*}", True),
        ("{path: [/v1/*, /v2/*/infer]}", True),
        ("{path: /v1/*}", False),
        ("{path: /v2}", False),
        ("{method: POST, model: 'fl?ght'}", True),
        ("{method: GET, model: flight}", False),
        ("{host: '[m]'}", False),
        ("{headers: {X-Team: 'red*'}}", True),
        ("{headers: {x-team: blue}}", False),
        ("{headers: {x-none: '*'}}", False),
    ],
)
def test_a_policy_is_for_the_calls_that_it_names(match, fits):
    rulebook = book(policy("{name: a, action: tag}", more=f"match: {match}"))
    assert (decided(rulebook, NORMAL).action == "tag") == fits


def test_calls_of_one_kind_share_a_scope_and_there_is_an_end_to_scopes():
    rulebook = book(policy("{name: a, action: tag}", more="match: {path: /a*}"))
    one = rulebook.course(facts(target="/a?1")).scope
    assert rulebook.course(facts(target="/a?2")).scope is one
    assert rulebook.course(facts(target="/ab")).scope is one  # another path, the same policies
    assert rulebook.course(facts(target="/b")).scope is not one
    for i in range(2 * SCOPES_KEPT):
        rulebook.course(facts(target=f"/a{i}"))
    assert len(rulebook._scopes) <= SCOPES_KEPT


def test_callers_cannot_fill_the_memory_by_choosing_which_policies_are_for_them():
    one = policy("{name: a, when: p < 0.1, action: tag}", more="match: {headers: {x-N: '*'}}")
    rulebook = book(*(one.replace("x-N", f"x-{i}").replace("name: p", f"name: p{i}") for i in range(11)))
    for chosen in range(2 * SCOPES_KEPT):
        fields = tuple((b"x-%d" % i, b"y") for i in range(11) if chosen >> i & 1)
        assert len(rulebook.scope(Asked("POST", "/", "m", fields)).rules) == chosen.bit_count()
    assert len(rulebook._by_policies) <= SCOPES_KEPT


# -- rates ---------------------------------------------------------------------------------------------

FAST = policy("{name: fast, when: 'rate(client, duration(\"10s\")) > 0.45', action: block}")


def test_calls_are_counted_by_their_key_and_a_new_rulebook_goes_on_counting():
    rulebook = book(FAST)
    actions = [decided(rulebook, facts()).action for _ in range(6)]
    assert actions == ["allow"] * 4 + ["block"] * 2
    assert decided(rulebook, facts(client="10.0.0.8")).action == "allow"
    assert decided(book(FAST, before=rulebook), facts()).action == "block"
    assert decided(book(FAST), facts()).action == "allow"


def test_what_no_rule_asks_for_any_more_is_forgotten():
    rulebook = None
    for i in range(1, 5):
        throttle = f"{{name: slow, action: throttle, rate: {i}/s}}"
        rate = f"{{name: fast, when: 'rate(client, duration(\"{i}s\")) > 9.0', action: tag}}"
        rulebook = book(policy(throttle, rate), before=rulebook)
        decided(rulebook, facts())
    assert (len(rulebook.meters), len(rulebook.buckets)) == (1, 1)


def test_a_call_without_the_key_is_not_counted():
    rulebook = book(FAST.replace("client", 'headers["x-key"]'))
    course = rulebook.course(facts())
    assert course.go_on()
    assert course.decision().action == "allow"
    assert course.errors == ("p/fast",)
