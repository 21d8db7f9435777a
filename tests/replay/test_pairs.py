import pytest

from sidecar.exchange import Reply
from sidecar.replay.pairs import Pair, headers, pair, unfit
from tests.replay.made import body, call


def reply(answer, status=200):
    return Reply(status, ((b"Content-Type", b"application/json"),), answer)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, ""),
        ({"codec": ""}, "no codec reads it"),
        ({"status": 500}, "it failed"),
        ({"status": None}, "it failed"),
        ({"failure": "client-gone"}, "it failed"),
        ({"request_body": None}, "its bodies weren't kept"),
        ({"response_body": None}, "its bodies weren't kept"),
        ({"request_truncated": True}, "its bodies were cut"),
        ({"redacted": ["email"]}, "its bodies were redacted"),
    ],
)
def test_only_a_whole_call_that_was_answered_can_be_asked_again(changes, why):
    assert unfit(call(**changes)) == why


def test_two_answers_stand_side_by_side_by_column():
    found = pair(call(rows=2, response_body=body(1, 2)), reply(body(1, 3)))
    assert isinstance(found, Pair)
    (before,), (now,) = found.before.values(), found.now.values()
    assert (before.tolist(), now.tolist()) == ([1, 2], [1, 3])


@pytest.mark.parametrize(
    ("answer", "status", "why"),
    [
        (body(1.0), 503, "status 503"),
        (b"<html>", 200, "undecodable"),
        (body(1.0, 2.0), 200, ""),
        (b'{"predictions": [{"score": 1.0}]}', 200, "other columns"),
    ],
)
def test_what_cannot_be_compared_is_told(answer, status, why):
    found = pair(call(), reply(answer, status))
    assert isinstance(found, str)
    assert found.startswith(why)


def test_bodies_were_captured_before_compression_and_fields_say_so():
    assert headers(call(), "response_headers") == ((b"content-type", b"application/json"),)
    assert headers(call(request_headers=None), "request_headers") == ()
