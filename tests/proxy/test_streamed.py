"""Answers that come event by event: each passes at once, and is told as what it came to."""

import json

from sidecar.proxy.streamed import MOST_BYTES, Streamed
from tests.proxy.dialogue import http, sidecar

ASK = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]}).encode()
HEAD = http("HTTP/1.1 200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked")


def event(content: str) -> bytes:
    chunk = {"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": None}]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def request(body: bytes = ASK) -> bytes:
    lines = ("POST /v1/chat/completions HTTP/1.1", "Host: m", "Content-Type: application/json")
    return http(*lines, f"Content-Length: {len(body)}", body=body)


async def test_every_event_passes_at_once_and_the_answer_is_told_whole():
    async with sidecar() as stage:
        caller, model = await stage.begin(request())
        await model.send(HEAD)
        assert b"text/event-stream" in await caller.head()
        for word in ("Well", " then", "."):
            sent = event(word)
            await model.send(b"%x\r\n%b\r\n" % (len(sent), sent))
            assert await caller.chunk() == sent  # before the next one is said
        await model.send(b"0\r\n\r\n")
        assert await caller.chunk() == b""
        (record,) = await stage.records()
        message = json.loads(record.response_body)["choices"][0]["message"]
        assert message == {"role": "assistant", "content": "Well then."}
        assert (record.codec, record.events) == ("openai", 3)
        assert 0 < record.first_byte_ns <= record.first_event_ns <= record.ended_ns
        assert record.response_bytes == sum(len(event(word)) for word in ("Well", " then", "."))


async def test_an_answer_in_one_piece_has_no_events():
    body = b'{"choices": []}'
    async with sidecar() as stage:
        lines = ("HTTP/1.1 200 OK", "Content-Type: application/json", f"Content-Length: {len(body)}")
        await stage.call(request(), http(*lines, body=body))
        (record,) = await stage.records()
        assert (record.events, record.first_event_ns, record.response_body) == (0, 0, body)


def test_a_stream_beyond_what_is_kept_is_not_told_as_whole():
    stream = Streamed(lambda body: body[:10])
    for _ in range(3):
        stream.update(bytes(MOST_BYTES // 2), 5)
    pieces, size = stream.told()
    assert (len(pieces[0]), size > MOST_BYTES, stream.first_ns) == (10, True, 5)


def test_events_are_counted_whatever_ends_their_lines():
    stream = Streamed(lambda body: body)
    stream.update(b"data: 1\n\ndata: 2\n\n", 1)
    stream.update(b"data: 3\r\n\r\n", 2)
    assert (stream.events, stream.first_ns) == (3, 1)
