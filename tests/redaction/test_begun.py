"""Every beginning of a secret is known to be one, wherever it stands."""

import pytest

from sidecar.redaction.begun import BEGUN
from sidecar.redaction.patterns import PATTERNS
from tests.redaction.test_flowing import SECRETS

CASES = [(name, secret) for name, some in SECRETS.items() for secret in some]


@pytest.mark.parametrize(("name", "secret"), CASES)
@pytest.mark.parametrize("before", ["", "so: ", "\n", '"'])
def test_every_beginning_is_held_or_starred(name, secret, before):
    for n in range(1, len(secret)):
        text = before + secret[:n]
        held = [found.start() for one in BEGUN[name] if (found := one.found.search(text)) is not None]
        starred = [start for one in PATTERNS[name] for start, stop in one.find(text) if stop == len(text)]
        assert min(held + starred, default=len(text)) <= len(before), text


@pytest.mark.parametrize("text", ["", "Hello, ", "It is 5 o'clock. ", "1. ", "(x) ", "end.\n"])
def test_what_can_become_nothing_is_not_held(text):
    for some in BEGUN.values():
        assert [one.found.search(text) for one in some] == [None] * len(some)
