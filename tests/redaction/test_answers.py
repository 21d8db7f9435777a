"""Events pass as they came, but for stars; in their order, as many bytes, and no later than they must."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.redaction.answers import MOST_BYTES, MOST_WAITING, Events, Unmaskable, whole
from sidecar.redaction.patterns import PATTERNS
from tests.redaction.test_flowing import SECRETS

NAMES = tuple(PATTERNS)
DONE = b"data: [DONE]\n\n"


def event(delta: dict, *, index: int = 0, finish: str | None = None, end: bytes = b"\n\n", **more) -> bytes:
    choice = {"index": index, "delta": delta, "finish_reason": finish, **more}
    return b"data: " + json.dumps({"id": "c", "choices": [choice]}).encode() + end


def say(text: str, **how) -> bytes:
    return event({"content": text}, **how)


def texts(stream: bytes, *keys: str) -> str:
    """What a field of the first choice came to."""
    out = ""
    for line in stream.replace(b"\r", b"\n").split(b"\n"):
        if line.startswith(b"data: {") or line.startswith(b"data:{"):
            for choice in json.loads(line[5:]).get("choices", ()):
                value = choice["delta"]
                for key in keys or ("content",):
                    value = value.get(key) or {} if isinstance(value, dict) else value
                out += value if isinstance(value, str) else ""
    return out


def test_what_holds_no_secret_passes_byte_by_byte():
    stream = b"".join(
        (
            b": hello\n\n",
            event({"role": "assistant", "content": ""}),
            say("Well"),
            say(" then,  \u00e9"),
            event({}, finish="stop"),
            b'data: {"choices": [], "usage": {"prompt_tokens": 1}}\r\n\r\n',
            DONE,
        )
    )
    for size in (1, 7, len(stream)):
        events = Events(NAMES)
        passed = [events.update(stream[at : at + size]) for at in range(0, len(stream), size)]
        assert b"".join((*passed, events.settle())) == stream


def test_a_secret_that_two_events_cut_in_two_is_starred_and_the_stream_as_long_as_it_was():
    came = [say("Ask"), say(" jane.d"), say("oe@exam"), say("ple.org, please"), say("."), DONE]
    events = Events(NAMES)
    passed = [events.update(one) for one in came]
    assert passed[0] == b""  # it may be the beginning of an address
    assert passed[1] == came[0]
    assert passed[2] == b""
    assert texts(b"".join(passed)) == "Ask ********************, please."
    assert b"".join(passed).endswith(came[-2] + DONE)
    assert [len(one) for one in b"".join(passed).split(b"\n\n")] == [
        len(one) for one in b"".join(came).split(b"\n\n")
    ]


def test_the_first_token_waits_for_nothing_that_cannot_become_a_secret():
    events = Events(("card", "iban", "aws", "pem"))
    for text in ("Certainly", "! Here", " are", " 3"):
        held = events.update(say(text))
        assert (held == b"") == (text == " 3")


@settings(max_examples=100)
@given(
    st.lists(st.sampled_from([one for some in SECRETS.values() for one in some]), min_size=1, max_size=3),
    st.lists(st.integers(1, 9), max_size=40),
    st.integers(1, 400),
    st.sampled_from([b"\n\n", b"\r\n\r\n", b"\r\r"]),
)
def test_wherever_events_and_writes_cut_them_no_secret_comes_out(secrets, sizes, size, end):
    text, stream = f"So: {' and '.join(secrets)} .", b""
    for length in (*sizes, len(text)):
        stream += say(text[:length], end=end)
        text = text[length:]
    events = Events(NAMES)
    stream += DONE
    passed = b"".join(events.update(stream[at : at + size]) for at in range(0, len(stream), size))
    passed += events.settle()
    said = texts(passed)
    assert len(passed) == len(stream)
    assert said.startswith("So: *")
    assert not any(secret in said for secret in secrets)


def test_texts_go_on_by_themselves_choice_by_choice_and_call_by_call():
    came = [
        say("card 4111 1111", index=0),
        say("mail a@b", index=1),
        say(" 1111 1111 x ", index=0),
        say(".org x ", index=1),
        event({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": '{"a": "AKIAIOSF'}}]}),
        event({"tool_calls": [{"index": 0, "function": {"arguments": 'ODNN7EXAMPLE"}'}}]}),
        event({}, finish="tool_calls"),
        DONE,
    ]
    events = Events(NAMES)
    passed = b"".join(events.update(one) for one in came)
    for secret in (b"4111", b"a@b", b"AKIA", b"EXAMPLE"):
        assert secret not in passed
    assert passed.endswith(came[-2] + DONE)
    assert len(passed) == sum(map(len, came))


def test_a_field_that_another_one_follows_is_over():
    events = Events(NAMES)
    assert events.update(event({"reasoning_content": "hm"})) == b""
    assert events.update(say("Yes")) == event({"reasoning_content": "hm"})
    assert events.settle() == say("Yes")


def test_tokens_that_are_listed_beside_a_secret_go():
    spelled = {"content": [{"token": "4111111111111111", "bytes": [52], "logprob": -0.1}]}
    events = Events(NAMES)
    passed = events.update(say("card 4111111111111111 .", logprobs=spelled) + DONE) + events.settle()
    assert b"4111" not in passed
    assert json.loads(passed[6:].partition(b"\n")[0])["choices"][0]["logprobs"] is None


def test_a_choice_that_falls_silent_does_not_hold_up_the_others_for_long():
    events = Events(NAMES)
    assert events.update(say("word")) == b""  # what an e-mail address may begin with
    spoken = say("and so on. ", index=1)
    times = 2 * MOST_WAITING // len(spoken)
    passed = [events.update(spoken) for _ in range(times)]
    assert passed[0] == b""  # in their order
    assert sum(map(len, passed)) >= times * len(spoken) - MOST_WAITING
    assert b"".join(passed) + events.settle() == say("word") + times * spoken


def test_the_pieces_of_a_long_event_are_put_together_once():
    """Else a model that writes a large event in small pieces would cost the square of its size."""
    events, long = Events(NAMES), say("so on " * 20_000)
    pieces = [long[i : i + 1_000] for i in range(0, len(long), 1_000)]
    for count, piece in enumerate(pieces[:-1], start=1):
        assert events.update(piece) == b""
        assert len(events._rest) == count
    assert events.update(pieces[-1]) == long


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r", b"\n\r\n"])
def test_an_end_of_an_event_is_seen_wherever_it_is_cut(end):
    one, other = say("hello. ", end=end), say("again. ", end=end)
    for cut in range(1, len(one) + 3):
        events = Events(NAMES)
        first = events.update((one + other)[:cut])
        assert first in (b"", one)
        assert first or cut <= len(one)
        assert first + events.update((one + other)[cut:]) + events.settle() == one + other


def test_what_is_no_chunk_is_looked_through_by_itself():
    error = b'event: error\ndata: {"error": {"message": "no key sk-abcdefghijklmnopqrst"}}\n\n'
    text = b"data: mail jane@example.org\n\n"
    rest = b'data: {"choices": [{"delta": {"content": "jane@example.org'
    events = Events(NAMES)
    passed = events.update(error + text + rest) + events.settle()
    assert (b"sk-abc" in passed, b"jane" in passed, len(passed)) == (False, False, len(error + text + rest))
    assert passed.startswith(b"event: error\n")


def test_an_answer_in_one_piece_has_stars_and_as_many_bytes():
    body = json.dumps({"id": "x", "choices": [{"message": {"content": "to a@b.org"}}]}, indent=2).encode()
    masked = whole(body, NAMES)
    assert json.loads(masked)["choices"][0]["message"]["content"] == "to *******"
    assert len(masked) == len(body)
    assert whole(body, ("card",)) is body
    assert whole(b"mail a@b.org {", NAMES) == b"mail ******* {"
    assert json.loads(whole(b'[{"x": "\\u0061@b.org"}]', NAMES)) == [{"x": "*******"}]


def test_what_is_too_large_is_not_looked_through():
    with pytest.raises(Unmaskable):
        whole(bytes(MOST_BYTES + 1), NAMES)
    with pytest.raises(Unmaskable):
        Events(NAMES).update(b"data: " + bytes(MOST_BYTES))


@pytest.mark.parametrize(
    "garbage", [b"data: {\n\n", b'data: {"choices": [1, [{"text": "a"}]]}\n\n', b"\n\n\n\n"]
)
def test_garbage_passes_as_it_is(garbage):
    events = Events(NAMES)
    assert events.update(garbage) + events.settle() == garbage
