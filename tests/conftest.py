"""Settings of the whole test run."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from hypothesis import settings

# A shared machine stalls now and then: a deadline for each example would report that, not a fault of ours.
settings.register_profile("sidecar", deadline=None)
settings.load_profile("sidecar")


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A command that a test runs in this process sends logs to standard error as pytest has it then, which is
    closed by the time of the next test."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    for handler in root.handlers[:]:
        if handler not in before and type(handler) is logging.StreamHandler:
            root.removeHandler(handler)
    root.setLevel(level)
