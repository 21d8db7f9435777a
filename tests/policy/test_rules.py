"""Policies are plain data: they can be handed over as JSON and come back the same."""

import msgspec

from sidecar.policy.checking import check
from sidecar.policy.rules import ACTIONS, Policies
from tests.policy.ready import DIRECTORY


def test_all_ready_made_policies_survive_being_handed_over():
    policies = check(DIRECTORY).policies
    assert policies is not None
    assert msgspec.json.decode(msgspec.json.encode(policies), type=Policies) == policies


def test_what_must_come_first_ends_the_search():
    assert {name for name, deed in ACTIONS.items() if deed.first} <= {
        name for name, deed in ACTIONS.items() if deed.ends
    }
