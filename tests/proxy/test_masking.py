"""Secrets in answers of language models, masked between model and caller where a policy says so."""

import json

import pytest

from tests.policy.documents import policy
from tests.proxy.dialogue import http, sidecar
from tests.proxy.test_judging import baseline, clean, infer
from tests.proxy.test_streamed import ASK, HEAD, event, request

MASK = policy("{name: m, action: mask}")
CARDS = policy('{name: m, action: mask, secrets: "card"}')
NEVER = policy("{name: m, when: '\"x-mask\" in headers', action: mask}")
DONE = b"data: [DONE]\n\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def answer(text: str) -> bytes:
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode()


def whole(body: bytes, *lines: str) -> bytes:
    return http(
        "HTTP/1.1 200 OK",
        "Content-Type: application/json",
        *lines,
        f"Content-Length: {len(body)}",
        body=body,
    )


async def test_a_secret_cut_in_two_is_masked_for_the_caller_and_redacted_in_the_record():
    async with sidecar(policies=MASK, redact="email") as stage:
        caller, model = await stage.begin(request())
        await model.send(HEAD)
        assert b'x-policy-action: mask; rule="p/m"' in await caller.head()
        await model.send(chunk(event("Mail jane.doe@exa")))
        await caller.quiet()
        await model.send(chunk(event("mple.org, ") + DONE) + b"0\r\n\r\n")
        body, _ = await caller.chunks()
        assert body.count(b"\n\n") == 3
        said = [json.loads(line[6:]) for line in body.split(b"\n\n")[:2]]
        assert "".join(one["choices"][0]["delta"]["content"] for one in said) == "Mail " + 20 * "*" + ", "
        (record,) = await stage.records()
        message = json.loads(record.response_body)["choices"][0]["message"]
        assert message["content"] == "Mail [redacted:email], "
        assert (record.action, record.rule, record.events) == ("mask", "p/m", 3)


async def test_the_first_token_passes_before_the_next_one_is_said():
    async with sidecar(policies=CARDS) as stage:
        caller, model = await stage.begin(request())
        await model.send(HEAD)
        await caller.head()
        for word in ("Well", " then", "."):
            await model.send(chunk(event(word)))
            assert await caller.chunk() == event(word)
        await model.send(b"0\r\n\r\n")
        assert await caller.chunk() == b""


async def test_what_a_stream_still_holds_passes_at_its_end_also_when_that_is_the_connection_s():
    async with sidecar(policies=MASK) as stage:
        caller, model = await stage.begin(request())
        await model.send(http("HTTP/1.1 200 OK", "Content-Type: text/event-stream") + event("word"))
        await caller.head()
        await caller.quiet()
        model.close()
        assert (await caller.chunks())[0] == event("word")


async def test_no_byte_is_another_where_no_rule_applies():
    for policies in (None, NEVER):
        async with sidecar(policies=policies) as stage:
            caller, model = await stage.begin(request())
            await model.send(HEAD)
            await caller.head()
            await model.send(chunk(event("to a@b.or")))
            assert await caller.chunk() == event("to a@b.or")
            await model.send(b"0\r\n\r\n")
            assert await caller.chunk() == b""


async def test_an_answer_in_one_piece_is_masked_and_as_long_as_it_was():
    body = answer("card 4111 1111 1111 1111")
    async with sidecar(policies=MASK) as stage:
        caller, model = await stage.begin(request())
        sent = whole(body)
        await model.send(sent[:-20])
        assert b"200" in await caller.head()
        await caller.quiet()
        await model.send(sent[-20:])
        masked = await caller.exactly(len(body))
        assert json.loads(masked)["choices"][0]["message"]["content"] == "card " + 19 * "*"
    async with sidecar(policies=MASK) as stage:
        _, response = await stage.call(request(), whole(answer("none")))
        assert response.body == answer("none")


async def test_the_model_is_not_asked_for_what_cannot_be_looked_through():
    lines = ("POST /v1/chat/completions HTTP/1.1", "Host: m", "Accept-Encoding: gzip, br", "X-A: b")
    ask = http(*lines, f"Content-Length: {len(ASK)}", body=ASK)
    async with sidecar(policies=MASK) as stage:
        got, _ = await stage.call(ask, whole(answer("a")))
        assert b"ccept-" not in got
        assert b"X-A: b\r\n" in got
    async with sidecar(policies=MASK) as stage:
        caller, model = await stage.begin(ask)
        await model.send(whole(b"\x1f\x8b", "Content-Encoding: gzip"))
        await caller.problem("upstream-malformed")
    async with sidecar(policies=NEVER) as stage:
        _, response = await stage.call(ask, whole(b"\x1f\x8b", "Content-Encoding: gzip"))
        assert response.body == b"\x1f\x8b"


async def test_a_stream_that_breaks_off_lets_nothing_out_that_it_held():
    async with sidecar(policies=MASK) as stage:
        caller, model = await stage.begin(request())
        await model.send(HEAD + chunk(event("jane.doe@exa")))
        await caller.head()
        model.close()
        await caller.gone()


async def test_an_event_that_never_ends_breaks_the_answer_off():
    async with sidecar(policies=MASK) as stage:
        caller, model = await stage.begin(request())
        await model.send(HEAD)
        await caller.head()
        await model.flood(6)
        await caller.gone()
        (record,) = await stage.records()
        assert record.failure == "upstream-malformed"


async def test_other_models_answers_pass():
    async with sidecar(policies=MASK, baseline=baseline()) as stage:
        _, response = await stage.call(infer(clean()), whole(b'{"outputs": ["a@b.org"]}'))
        assert response.body == b'{"outputs": ["a@b.org"]}'


@pytest.mark.parametrize("close", ["Connection: close", "X-A: b"])
async def test_what_waits_for_its_score_is_masked_then(close):
    """The answer comes with its head in one piece, as from a quick model."""
    rules = policy("{name: m, when: 'verdict != \"outlier\"', action: mask}")
    async with sidecar(policies=rules, baseline=baseline()) as stage:
        _, response = await stage.call(request(), whole(answer("to a@b.org"), close))
        assert json.loads(response.body)["choices"][0]["message"]["content"] == "to *******"
