"""The same complaint is logged once in ten minutes, a new one at once."""

from __future__ import annotations

import logging

import pytest

from sidecar.tracing.quiet import INTERVAL, Quiet


def test_each_thing_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    quiet = Quiet("nagging", lambda: now[0])
    nag = logging.getLogger("nagging.exporter")
    with caplog.at_level(logging.WARNING):
        for delay in (1.02, 1.97, 4.05):
            nag.warning("retrying in %.2f s", delay)
        nag.error("giving up")
        nag.debug("never shown")
        assert [one.getMessage() for one in caplog.records] == ["retrying in 1.02 s", "giving up"]
        now[0] = INTERVAL + 1
        nag.warning("retrying in %.2f s", 1.01)
        assert len(caplog.records) == 3
        quiet.close()
        nag.warning("retrying in %.2f s", 1.03)
        assert len(caplog.records) == 4
    assert not logging.getLogger("nagging").handlers


def test_it_remembers_a_bounded_number_of_things() -> None:
    quiet = Quiet("babbling")
    try:
        for number in range(1000):
            logging.getLogger("babbling").warning(f"thing {number}")
        assert len(quiet._said) <= 256
    finally:
        quiet.close()
