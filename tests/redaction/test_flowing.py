"""Text in pieces has stars where the whole of it would have had them, whatever the pieces are."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.redaction.flowing import LONG, MOST_HELD, Flow
from sidecar.redaction.patterns import PATTERNS

NAMES = tuple(PATTERNS)

SECRETS = {
    "email": ("jane.doe@example.co.uk", "j@ä.de", "a+b@c-d.org"),
    "card": ("4111 1111 1111 1111", "5555555555554444", "378282246310005", "6011-0009-9013-9424"),
    "iban": ("DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "NO9386011117947"),
    "token": (
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        "Bearer abcdefgh123",
        "basic  dXNlcjpwYXNzMQ==",
        "ghp_0123456789abcdefABCD",
        "sk-proj_0123456789abcdef",
        "github_pat_0123456789abcdef",
        "glpat-0123456789abcdef",
        "xoxb-0123456789",
        "AIza0123456789abcdefghijklmnopqrstu",
        "hf_0123456789abcdefghij",
        "npm_0123456789abcdefghij",
    ),
    "aws": ("AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key = " + "wJalrXUt/+" * 4),
    "pem": (
        "-----BEGIN RSA PRIVATE KEY-----\nMIIB\nOgIB\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAw",
    ),
}
"""Some of each kind, by its name in `redact`."""

assert SECRETS.keys() == PATTERNS.keys()

ALL = [one for some in SECRETS.values() for one in some]
PARTS = st.one_of(
    st.sampled_from(ALL),
    st.sampled_from(ALL).flatmap(lambda one: st.integers(0, len(one)).map(lambda n: one[:n])),
    st.sampled_from(ALL).flatmap(lambda one: st.integers(0, len(one)).map(lambda n: one[n:])),
    st.sampled_from((*" .,:@-_=\n'\"0A4/+", "aws", "secret", "Bearer ", "they say 12 of 2024", "e", "--")),
    st.text("a0 .@-", max_size=6),
)


def whole(text: str, names: tuple[str, ...] = NAMES) -> str:
    """The text with stars, looked at at once."""
    chars = list(text)
    for name in names:
        for pattern in PATTERNS[name]:
            for start, stop in pattern.find(text):
                chars[start:stop] = "*" * (stop - start)
    return "".join(chars)


def flowed(pieces: list[str], names: tuple[str, ...] = NAMES) -> str:
    flow, out = Flow(names), ""
    for piece in pieces:
        flow.update(piece)
        out += flow.take(flow.sure)
    flow.settle()
    return out + flow.take(flow.sure)


def cut(text: str, sizes: list[int]) -> list[str]:
    pieces = []
    for size in sizes:
        pieces.append(text[:size])
        text = text[size:]
    return [*pieces, text]


def missed(pieces: list[str], names: tuple[str, ...] = NAMES) -> list[str]:
    """Characters that the whole text would have had stars for, and its pieces have not."""
    found = zip(flowed(pieces, names), whole("".join(pieces), names), "".join(pieces), strict=True)
    assert all(got in (char, "*") for got, _, char in found)
    found = zip(flowed(pieces, names), whole("".join(pieces), names), strict=True)
    return [got for got, expected in found if expected == "*" != got]


@settings(max_examples=200)
@given(st.lists(PARTS, max_size=8).map("".join), st.lists(st.integers(0, 12), max_size=60))
def test_no_secret_of_the_whole_text_is_missed_in_pieces(text, sizes):
    """But addresses glued to one another, of which every other one is found, may be others in pieces."""
    assert not missed(cut(text, sizes), tuple(name for name in NAMES if name != "email"))


@settings(max_examples=150)
@given(st.lists(PARTS, max_size=8).map(" ".join), st.lists(st.integers(0, 12), max_size=60))
def test_pieces_come_to_what_the_whole_text_does(text, sizes):
    assert flowed(cut(text, sizes)) == whole(text)


@settings(max_examples=150)
@given(st.lists(PARTS, max_size=8).map(" ".join), st.sampled_from(NAMES), st.integers(1, 5))
def test_so_they_do_for_each_kind_of_secret_alone(text, name, size):
    assert flowed(cut(text, [size] * len(text)), (name,)) == whole(text, (name,))


def test_nothing_is_held_that_can_be_no_secret():
    flow = Flow(("card", "pem", "aws"))
    flow.update("Hello there, 7 o'clock is fine. ")
    assert flow.take(flow.sure) == "Hello there, 7 o'clock is fine. "
    flow.update("It is 4111 111")
    assert flow.take(flow.sure) == "It is "
    flow.update(" apples.")
    assert flow.take(flow.sure) == "4111 111 apples."


def test_a_word_that_may_become_an_address_waits_for_the_next_one():
    flow = Flow(NAMES)
    flow.update("Dear jane")
    assert flow.take(flow.sure) == "Dear "
    flow.update(" or joe")
    assert flow.take(flow.sure) == "jane or "
    flow.settle()
    assert flow.take(flow.sure) == "joe"


@pytest.mark.parametrize(
    ("head", "unit"),
    [
        ("eyJhbGci.", "aB3_"),
        ("-----BEGIN PRIVATE KEY-----\n", "MIIB+/"),
        ("Bearer a1b2c3d4", "e5f6"),
        ("jane@example.co", "mm"),
    ],
)
def test_a_secret_of_any_length_is_starred_as_it_comes(head, unit):
    flow = Flow(NAMES)
    flow.update(head)
    assert flow.take(flow.sure) == "*" * len(head)
    for _ in range(3 * LONG // len(unit)):
        flow.update(unit)
        assert flow.take(flow.sure) == "*" * len(unit)
    flow.update("\n-----END PRIVATE KEY-----\n and so on, ")
    assert flow.take(flow.sure).endswith("\n and so on, ")


def test_no_more_is_held_than_is_said_and_what_comes_later_is_starred_all_the_same():
    flow = Flow(NAMES)
    for _ in range(10):
        flow.update("x" * MOST_HELD)
    assert flow.take(flow.sure) == "x" * 9 * MOST_HELD
    flow.update("@example.org ")
    assert flow.take(flow.sure) == "*" * (MOST_HELD + len("@example.org")) + " "
