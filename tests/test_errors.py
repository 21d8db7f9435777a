"""The error tree and the table of failures: each row is fit to be told to a caller."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar import errors
from sidecar.errors import FAILURES, CallFailed, SidecarError, reason, translated


def test_the_tree_that_is_drawn_is_the_one_that_stands():
    drawn = {
        line.split()[1] for line in (errors.__doc__ or "").splitlines() if line.lstrip()[:2] in ("|-", "`-")
    }
    # The console has one of its own, for its own callers; whether it is loaded depends on the other tests.
    standing = {kind.__name__ for kind in SidecarError.__subclasses__() if kind.__module__ == errors.__name__}
    assert drawn == standing


@pytest.mark.parametrize("cause", FAILURES)
def test_a_failure_has_a_status_a_title_and_advice(cause):
    failure = FAILURES[cause]
    assert 400 <= failure.status < 600
    assert not failure.title.endswith(".")
    assert failure.advice.endswith(".")


def test_a_failed_call_says_what_was_seen():
    assert str(CallFailed("upstream-refused")) == "Model server refused the connection"
    failed = CallFailed("upstream-refused", "127.0.0.1:8080")
    assert str(failed) == "Model server refused the connection: 127.0.0.1:8080"
    assert (failed.cause, failed.detail) == ("upstream-refused", "127.0.0.1:8080")


def test_a_cause_that_is_not_on_the_table_is_a_mistake():
    with pytest.raises(KeyError):
        CallFailed("tired")


def test_an_error_of_ours_stays_itself():
    failed = CallFailed("bad-request")
    assert translated(failed) is failed


def test_a_foreign_error_is_logged_and_told_as_ours(caplog):
    with caplog.at_level(logging.ERROR):
        failed = translated(ZeroDivisionError("secret detail"))
    assert failed.cause == "internal"
    assert "secret" not in str(failed)
    assert caplog.records[0].exc_info is not None


@given(st.text(min_size=1))
def test_a_reason_can_stand_in_a_header_whatever_the_body_called_its_field(name):
    shown = reason("wrong-type", name)
    assert shown.startswith("wrong-type:")
    assert shown.isascii()
    assert shown.isprintable()
    assert not set(shown) & set('"\\\r\n')
    assert len(shown) <= 80


def test_a_reason_without_a_name():
    assert reason("not-json") == "not-json"
    assert reason("wrong-type", "amount") == "wrong-type:amount"
