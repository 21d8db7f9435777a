"""A gRPC call as a dialogue: what passes, what is added, how it ends, and what is told of it."""

import pytest

from sidecar.proxy.grpc import frames
from sidecar.proxy.grpc.frames import Frame
from tests.policy.documents import policy
from tests.proxy.dialogue import sidecar
from tests.proxy.grpc.peers import (
    ANSWER,
    H2,
    METHOD,
    PATH,
    WELL,
    asked,
    called,
    calling,
    conversation,
    head,
    message,
)

OURS = ("x-anomaly-", "x-drift-", "x-policy-", "x-request-id", "traceresponse")


async def answer(model: H2, stream: int = 1, body: bytes = b"ho", status: bytes = b"0") -> None:
    await model.send(
        model.headers(stream, [*ANSWER, (b"k", b"v")]),
        model.data(stream, message(body)),
        model.headers(stream, [(b"grpc-status", status), (b"t-bin", b"\0\xff")], ends=True),
    )


async def test_a_unary_call_passes_both_ways():
    async with sidecar(grpc=True) as stage:
        caller, model = await conversation(stage)
        fields = head(PATH, (b"grpc-timeout", b"5S"), (b"x-team", b"red"))
        await caller.send(caller.headers(1, fields), caller.data(1, message(b"hi"), ends=True))
        heard = await model.heard()
        assert heard.fields[: len(fields)] == fields
        assert heard.field("traceparent")
        assert heard.field("x-request-id")
        assert not heard.ends
        assert await model.next(frames.DATA) == Frame(
            0, frames.END_STREAM, 1, caller.data(1, message(b"hi"), ends=True)
        )
        await answer(model)
        begun = await caller.heard()
        theirs = [f for f in begun.fields if not f[0].decode().startswith(OURS)]
        assert theirs == [*ANSWER, (b"k", b"v")]
        assert begun.field("x-anomaly-verdict") == 'unscored; reason="unknown-format"'
        assert begun.field("x-policy-action") == 'allow; rule="default"'
        assert begun.field("x-request-id") == heard.field("x-request-id")
        assert begun.field("traceresponse").split("-")[1] == heard.field("traceparent").split("-")[1]
        assert await caller.body(7) == message(b"ho")
        ended = await caller.heard()
        assert ended == (1, [(b"grpc-status", b"0"), (b"t-bin", b"\0\xff")], True)
        (record,) = await stage.records()
        assert (record.method, record.target, record.host) == ("POST", PATH.decode(), "model:8081")
        assert (record.status, record.failure) == (200, "")
        assert (record.request_bytes, record.response_bytes) == (7, 7)
        assert 0 < record.forwarded_ns < record.first_byte_ns <= record.ended_ns


async def test_an_empty_request_id_is_none():
    async with sidecar(grpc=True) as stage:
        caller, model = await conversation(stage)
        await caller.send(caller.headers(1, head(PATH, (b"x-request-id", b"")), ends=True))
        assert (await model.heard()).field("x-request-id")


async def test_what_the_model_says_without_a_message_passes_too():
    async with sidecar(grpc=True) as stage:
        caller, model = await asked(stage)
        await model.send(model.headers(1, [*ANSWER, (b"grpc-status", b"5")], ends=True))
        heard = await caller.heard()
        assert (heard.ends, heard.field("grpc-status")) == (True, "5")
        assert heard.field("x-anomaly-verdict")
        (record,) = await stage.records()
        assert record.status == 404


async def test_a_stream_passes_message_by_message_with_the_facts_at_its_end():
    async with sidecar(grpc=True) as stage:
        caller, model = await conversation(stage)
        await caller.send(caller.headers(1, head(b"/inference.GRPCInferenceService/ModelStreamInfer")))
        await model.heard()
        await model.send(model.headers(1, ANSWER))
        begun = await caller.heard()
        assert begun.field("x-request-id")
        assert begun.field("traceresponse")
        for i in range(3):
            await caller.send(caller.data(1, message(b"%d" % i)))
            assert await model.body(6) == message(b"%d" % i)
            await model.send(model.data(1, message(b"r%d" % i)))
            assert await caller.body(7) == message(b"r%d" % i)
        await caller.send(caller.data(1, b"", ends=True))
        assert (await model.next(frames.DATA)).flags & frames.END_STREAM
        await model.send(model.headers(1, WELL, ends=True))
        assert (await caller.heard()).field("grpc-status") == "0"


async def test_calls_share_a_connection_and_do_not_mix():
    async with sidecar(grpc=True) as stage:
        caller, model = await conversation(stage)
        for stream in (1, 3, 5):
            await caller.send(caller.headers(stream, head(PATH, (b"n", b"%d" % stream))))
            heard = await model.heard()
            assert (heard.stream, heard.field("n")) == (stream, str(stream))
        for stream in (5, 1, 3):
            await caller.send(caller.data(stream, message(b"%d" % stream), ends=True))
            assert (await model.next(frames.DATA)).stream == stream
        for stream in (3, 5, 1):
            await answer(model, stream, b"for %d" % stream)
            assert (await caller.heard()).stream == stream
            assert await caller.body(10) == message(b"for %d" % stream)
            assert (await caller.heard()).ends
        assert {record.status for record in await stage.records(3)} == {200}


async def test_cancelling_reaches_the_model():
    async with sidecar(grpc=True) as stage:
        caller, model = await asked(stage)
        await caller.send(frames.reset(1, frames.CANCEL))
        found = await model.next(frames.RST_STREAM)
        assert (found.stream, frames.number(found)) == (1, frames.CANCEL)
        await answer(model)  # it had begun: nobody gets it
        assert (await caller.frame()).kind == frames.SETTINGS
        await caller.peer.quiet()
        (record,) = await stage.records()
        assert (record.failure, record.status) == ("client-gone", 0)


async def test_a_caller_that_hangs_up_cancels_all_its_calls():
    async with sidecar(grpc=True) as stage:
        caller, model = await asked(stage)
        caller.peer.close()
        await model.peer.rest()
        (record,) = await stage.records()
        assert record.failure == "client-gone"


async def test_a_model_that_resets_a_call_is_heard():
    async with sidecar(grpc=True) as stage:
        caller, model = await asked(stage)
        await model.send(frames.reset(1, frames.REFUSED_STREAM))
        assert frames.number(await caller.next(frames.RST_STREAM)) == frames.REFUSED_STREAM
        (record,) = await stage.records()
        assert record.failure == "upstream-closed"


async def test_a_model_that_goes_away_is_unavailable_and_an_answer_that_breaks_off_ends_so():
    async with sidecar(grpc=True) as stage:
        caller, model = await conversation(stage)
        for stream in (1, 3):
            await caller.send(caller.headers(stream, head(), ends=True))
            await model.heard()
        await model.send(model.headers(1, ANSWER), model.data(1, message(b"half")))
        await caller.heard()
        model.peer.close()
        await caller.body(9)
        first, second = await caller.heard(), await caller.heard()
        assert (first.stream, first.ends, first.field("grpc-status")) == (1, True, "14")
        assert first.field("x-sidecar-error") == "response-truncated"
        assert (second.stream, second.field("x-sidecar-error")) == (3, "upstream-closed")
        assert second.field("content-type") == "application/grpc"
        await caller.next(frames.GOAWAY)
        await caller.peer.gone()
        assert {r.failure for r in await stage.records(2)} == {"response-truncated", "upstream-closed"}


async def test_a_policys_block_is_permission_denied_and_the_model_is_not_asked():
    rules = policy("{name: closed, when: path.endsWith('Say'), action: block, detail: Not here.}")
    async with sidecar(grpc=True, policies=rules) as stage:
        caller, model = await conversation(stage)
        await caller.send(caller.headers(1, head()))
        heard = await caller.heard()
        assert (heard.ends, heard.field("grpc-status"), heard.field("grpc-message")) == (
            True,
            "7",
            "Not here.",
        )
        assert heard.field("x-policy-action") == 'block; rule="p/closed"'
        assert frames.number(await caller.next(frames.RST_STREAM)) == frames.NO_ERROR
        await caller.send(
            caller.data(1, message(b"late"), ends=True)
        )  # goes nowhere, and its window comes back
        assert frames.number(await caller.next(frames.WINDOW_UPDATE)) == 9
        await caller.send(caller.headers(3, head(b"/other.Service/Call"), ends=True))
        assert (await model.heard()).stream == 3
        await answer(model, 3)
        assert (await caller.heard()).field("x-policy-action") == 'allow; rule="default"'
        blocked, passed = await stage.records(2)
        assert (blocked.status, blocked.action, passed.action) == (403, "block", "allow")


async def test_another_model_is_not_reached_by_grpc():
    rules = policy("{name: other, action: fallback, to: 'http://127.0.0.1:9'}")
    async with sidecar(grpc=True, policies=rules) as stage:
        caller, _ = await conversation(stage)
        await caller.send(caller.headers(1, head(), ends=True))
        assert (await caller.heard()).field("grpc-status") == "12"


async def test_too_many_calls_are_refused():
    async with sidecar(grpc=True, max_concurrent_calls=1) as stage:
        caller, model = await conversation(stage)
        await caller.send(caller.headers(1, head(), ends=True))
        await model.heard()
        await caller.send(caller.headers(3, head(), ends=True))
        assert frames.number(await caller.next(frames.RST_STREAM)) == frames.REFUSED_STREAM
        other = await calling(stage)
        await called(stage)
        await other.send(other.headers(1, head(), ends=True))
        assert (await other.heard()).field("x-sidecar-error") == "overloaded"


async def test_a_body_beyond_the_limit_is_refused():
    async with sidecar(grpc=True, max_body_bytes=10) as stage:
        caller, model = await conversation(stage)
        await caller.send(caller.headers(1, head()), caller.data(1, b"x" * 11))
        heard = await caller.heard()
        assert (heard.field("grpc-status"), heard.field("x-sidecar-error")) == ("8", "body-too-large")
        await model.heard()
        assert (await model.next(frames.RST_STREAM)).stream == 1


async def test_a_call_may_have_a_limit_in_all():
    async with sidecar(grpc=True, total_timeout=0.05) as stage:
        caller, _ = await asked(stage)
        heard = await caller.heard()
        assert (heard.field("grpc-status"), heard.field("x-sidecar-error")) == ("4", "upstream-timeout")


@pytest.mark.parametrize("bad", [[(b":status", b"2")], [*ANSWER, (b"connection", b"x")], [(b"k", b"v")]])
async def test_an_answer_that_is_malformed_ends_only_its_call(bad):
    async with sidecar(grpc=True) as stage:
        caller, model = await asked(stage)
        await model.send(model.headers(1, bad))
        assert (await caller.heard()).field("x-sidecar-error") == "upstream-malformed"
        assert (await model.next(frames.RST_STREAM)).stream == 1
        await caller.send(caller.headers(3, head(), ends=True))
        assert (await model.heard()).stream == 3


async def test_an_interim_answer_that_is_the_last_is_none():
    async with sidecar(grpc=True) as stage:
        caller, model = await asked(stage)
        await model.send(model.headers(1, [(b":status", b"103")], ends=True))
        assert (await caller.heard()).field("x-sidecar-error") == "upstream-malformed"


async def test_an_answer_that_is_padded_amiss_is_malformed():
    async with sidecar(grpc=True) as stage:
        caller, model = await asked(stage)
        padded = frames.frame(frames.DATA, frames.PADDED, 1, b"\x09x")
        await model.send(model.headers(1, ANSWER), padded)
        assert not (await caller.heard()).ends
        assert (await caller.heard()).field("x-sidecar-error") == "upstream-malformed"


async def test_an_interim_answer_passes():
    async with sidecar(grpc=True) as stage:
        caller, model = await asked(stage)
        await model.send(model.headers(1, [(b":status", b"103"), (b"link", b"x")]))
        assert (await caller.heard()).fields == [(b":status", b"103"), (b"link", b"x")]
        await answer(model)
        assert (await caller.heard()).field(":status") == "200"


async def test_trailers_of_a_request_pass_though_grpc_has_none():
    async with sidecar(grpc=True) as stage:
        caller, model = await conversation(stage)
        await caller.send(caller.headers(1, head()), caller.headers(1, [(b"sum", b"7")], ends=True))
        assert not (await model.heard()).ends
        assert (await model.heard()) == (1, [(b"sum", b"7")], True)


async def test_trailers_of_a_request_that_was_kept_back_pass_too():
    held = policy("{name: odd, when: score > 0.99, action: block}")
    async with sidecar(grpc=True, policies=held) as stage:
        caller, model = await conversation(stage)
        await caller.send(caller.headers(1, head(METHOD)), caller.data(1, message(b"hi")))
        await caller.send(caller.headers(1, [(b"sum", b"7")], ends=True))
        assert not (await model.heard()).ends
        assert await model.body(7) == message(b"hi")
        assert (await model.heard()) == (1, [(b"sum", b"7")], True)


async def test_peers_that_allow_no_table_can_read_what_we_write():
    async with sidecar(grpc=True) as stage:
        caller, model = await conversation(stage)
        for one in (caller, model):  # as after they said so in SETTINGS, which are each hop's own
            one.decoder.max_allowed_table_size = 0
        for stream in (1, 3):
            await caller.send(caller.headers(stream, head(), ends=True))
            assert (await model.heard()).stream == stream
            await model.send(model.headers(stream, ANSWER), model.headers(stream, WELL, ends=True))
            assert (await caller.heard()).stream == stream
            assert (await caller.heard()).ends


async def test_a_status_that_is_none_is_an_error_of_the_model_and_passes():
    async with sidecar(grpc=True) as stage:
        caller, model = await asked(stage)
        await model.send(model.headers(1, [*ANSWER, (b"grpc-status", b"0" * 5000)], ends=True))
        heard = await caller.heard()
        assert (heard.ends, heard.field("grpc-status")) == (True, "0" * 5000)
        (record,) = await stage.records()
        assert record.status == 500
