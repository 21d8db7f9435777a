"""What holds for all calls of one kind, whichever rules apply."""

from tests.policy.books import book
from tests.policy.documents import policy
from tests.policy.told import facts


def test_the_model_sees_facts_only_if_they_come_first():
    assert book(policy(more="expose: model")).course(facts()).scope.shown_to_model
    assert book(policy("{name: a, action: tag, expose: both}")).course(facts()).scope.shown_to_model
    assert not book(policy("{name: a, action: tag}")).course(facts()).scope.shown_to_model
