"""Statuses: every failure has one of gRPC's, and every one of gRPC's is an HTTP status to a record."""

import grpc
import pytest

from sidecar.errors import FAILURES, CallFailed
from sidecar.exchange import Answer
from sidecar.proxy.grpc import status

BY_NUMBER = {code.value[0]: code for code in grpc.StatusCode}


def test_the_numbers_are_those_of_grpc():
    assert set(BY_NUMBER) == set(range(len(status.AS_HTTP)))
    for name in ("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND"):
        assert BY_NUMBER[getattr(status, name)].name == name
    for name in ("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE"):
        assert BY_NUMBER[getattr(status, name)].name == name


@pytest.mark.parametrize("cause", FAILURES)
def test_every_failure_has_a_status(cause):
    fields = dict(status.failed(CallFailed(cause, "so"), "id-1"))
    assert int(fields[b"grpc-status"]) in BY_NUMBER
    assert fields[b"x-sidecar-error"] == cause.encode()
    assert fields[b"grpc-message"].startswith(b"so. ")
    assert fields[b"x-request-id"] == b"id-1"


def test_a_model_that_cannot_be_reached_is_unavailable_and_a_slow_one_is_late():
    assert status.of_failure("upstream-refused") == status.UNAVAILABLE
    assert status.of_failure("upstream-connect-timeout") == status.UNAVAILABLE
    assert status.of_failure("upstream-timeout") == status.DEADLINE_EXCEEDED


def test_a_policys_block_is_permission_denied_and_a_throttle_says_when_to_come_back():
    blocked = dict(status.answered(Answer("blocked", 403, "100 % näh"), ""))
    assert blocked[b"grpc-status"] == b"7"
    assert blocked[b"grpc-message"] == b"100 %25 n%C3%A4h"
    throttled = dict(status.answered(Answer("throttled", 429, retry_after=2), ""))
    assert (throttled[b"grpc-status"], throttled[b"grpc-retry-pushback-ms"]) == (b"8", b"2000")
    assert dict(status.answered(Answer("blocked", 418), ""))[b"grpc-status"] == b"9"


def test_a_body_for_http_is_no_answer_here():
    assert dict(status.answered(Answer("", 200, body="{}"), ""))[b"grpc-status"] == b"14"


def test_a_record_has_the_http_status_of_what_the_model_said():
    assert status.told(200, ((b"grpc-status", b"0"),)) == 200
    assert status.told(200, ((b"grpc-status", b"5"),)) == 404
    assert status.told(200, ((b"grpc-status", b"99"),)) == 500
    assert status.told(503, ((b"grpc-status", b"0"),)) == 503
    assert status.told(200, ()) == 200
