"""Heads of HTTP/2: what passes, what is understood, what is malformed."""

import pytest
from hpack import Decoder

from sidecar.errors import CallFailed
from sidecar.proxy.grpc.heads import request_head, response_head, trailers
from sidecar.proxy.heads import OURS
from tests.proxy.grpc.peers import ANSWER, WELL, head

DROPPED = OURS | {b"traceparent"}


def read(block: bytes) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in Decoder().decode(block, raw=True)]


def test_a_callers_head_passes_but_for_what_only_sidecar_writes():
    fields = head(b"/a.B/C", (b"traceparent", b"x"), (b"x-anomaly-score", b"0"), (b"m-bin", b"\0\r\n"))
    found = request_head(tuple(fields), DROPPED)
    assert read(found.lines) == [f for f in fields if f[0] not in DROPPED]
    assert (found.method, found.target, found.host, found.version) == ("POST", "/a.B/C", "model:8081", "2")
    assert found.recorded == ((b"content-type", b"application/grpc"),)
    assert (found.request_id, found.length, found.has_body) == (b"", -1, False)


def test_an_id_is_the_callers_or_its_events():
    assert request_head(tuple(head(b"/", (b"x-request-id", b"7"))), DROPPED).request_id == b"7"
    found = request_head(tuple(head(b"/", (b"ce-id", b"8"))), DROPPED)
    assert found.request_id == b"8"
    assert (b"x-request-id", b"8") in read(found.lines)


@pytest.mark.parametrize(
    "fields",
    [
        [],
        head()[1:],
        [(b":path", b"relative"), (b":method", b"POST")],
        [(b":method", b"CONNECT"), (b":path", b"/")],
        [*head(), (b":path", b"/again")],
        [*head(), (b":method", b"POST")],
        [(b"x", b"1"), *head()],
        [*head(), (b"Upper", b"1")],
        [*head(), (b"", b"1")],
        [*head(), (b"connection", b"close")],
        [*head(), (b"transfer-encoding", b"chunked")],
        [*head(), (b"te", b"gzip")],
        [*head(), (b"x", b"a\r\nb")],
        [*head(), (b"x", b"a\0b")],
        [*head(), (b":status", b"200")],
        [(b":protocol", b"websocket"), *head()],
    ],
)
def test_a_malformed_head_is_refused(fields):
    with pytest.raises(CallFailed) as failed:
        request_head(tuple(fields), DROPPED)
    assert failed.value.cause == "bad-request"


def test_a_models_head_passes_but_for_what_only_sidecar_writes():
    found = response_head((*ANSWER, (b"x-request-id", b"1"), (b"x-drift-state", b"stable"), (b"k", b"v")))
    assert read(found.lines) == [*ANSWER, (b"k", b"v")]
    assert found.status == 200


@pytest.mark.parametrize(
    "fields", [[], [(b":status", b"20x")], [(b":status", b"20")], [*ANSWER, (b":path", b"/")]]
)
def test_a_malformed_answer_is_the_models_fault(fields):
    with pytest.raises(CallFailed) as failed:
        response_head(tuple(fields))
    assert failed.value.cause == "upstream-malformed"


def test_trailers_pass_without_pseudo_fields():
    assert read(trailers((*WELL, (b"x-anomaly-score", b"0")), "upstream-malformed")) == WELL
    with pytest.raises(CallFailed):
        trailers(((b":status", b"200"),), "upstream-malformed")
