"""The table of facts: each has an example that speaks of it, and bounds that hold for it."""

import pytest

from sidecar.policy.expressions import read
from sidecar.policy.facts import AGAIN, FACTS
from sidecar.policy.tree import facts as facts_in


@pytest.mark.parametrize(("name", "fact"), FACTS.items(), ids=FACTS)
def test_an_example_speaks_of_its_fact(name, fact):
    assert name in facts_in(read(fact.example))


@pytest.mark.parametrize("fact", FACTS.values(), ids=FACTS)
def test_only_what_comes_of_a_score_can_be_absent(fact):
    assert fact.low <= fact.high
    assert not fact.absent or fact.stage == "score"


def test_for_some_facts_the_model_is_asked_again():
    assert [name for name in FACTS if name.startswith(AGAIN)] == ["inconsistent.p"]
