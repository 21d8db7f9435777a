"""Secrets known by their looks: found wherever they stand, and numbers that only look alike are left."""

from random import Random

import pytest

from sidecar.redaction.patterns import PATTERNS, is_card, possible, taken_out
from tests.redaction.planted import SECRETS, leaks

ALL = tuple(PATTERNS)


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("frame", ["{}", "see {} now", "a={},b=1", '"{}"', "({})", "x\n{}\ny", "2024 {} 12"])
def test_found_in_any_surroundings(name, frame):
    marks: set[str] = set()
    clean = taken_out(frame.format(SECRETS[name]), ALL, marks)
    assert leaks(clean.encode()) == []
    assert marks


@pytest.mark.parametrize("name", SECRETS)
def test_whatever_is_found_is_suspected(name):
    assert possible(SECRETS[name], ALL)


@pytest.mark.parametrize(
    "text",
    [
        "order 4111111111111112",
        "0.4111111111111111",
        "1763910000000000000",
        "DE88370400440532013000",
        "max_tokens: 100",
        "a@b",
        "basic training",
        "-----BEGIN CERTIFICATE-----",
        "[[5.1, 3.5, 1.4, 0.2]]",
    ],
)
def test_what_only_looks_alike_stays(text):
    marks: set[str] = set()
    assert taken_out(text, ALL, marks) == text
    assert not marks


def test_check_digits():
    assert is_card("4111111111111111")
    assert not is_card("4111111111111112")
    assert not is_card("411111111111")


def test_request_ids_are_no_accounts():
    """Of 32 random hexadecimal digits one in 700 has two letters, two digits and a right check."""
    random = Random(5)
    ids = [f"{random.getrandbits(128):032x}" for _ in range(20_000)]
    assert sum(map(_looks_like_an_account, ids)) > 5
    assert [one for one in ids if taken_out(one, ("iban",), set()) != one] == []


def _looks_like_an_account(text):
    number = "".join(str(int(char, 36)) for char in text[4:] + text[:4])
    return text[:2].isalpha() and text[2:4].isdigit() and int(number) % 97 == 1


def test_same_length_for_formats_that_count():
    text = "\x00jane.roe@customer-mail.example\xff"
    assert len(taken_out(text, ALL, set(), same_length=True)) == len(text)


@pytest.mark.parametrize(
    "unit", ["a", "1", "4111 ", "a.", "@", "DE89 ", "bearer ", "-----BEGIN PRIVATE KEY-----", "a@b."]
)
def test_time_is_linear(unit):
    import time

    def took(size: int) -> float:
        text = unit * (size // len(unit))
        began = time.process_time()
        taken_out(text, ALL, set())
        return time.process_time() - began

    took(1000)
    assert took(200_000) < 60 * max(took(20_000), 0.002)


def test_every_form_holds_a_core():
    for one in (one for patterns in PATTERNS.values() for one in patterns if one.cores):
        assert all(any(core in form for core in one.cores) for form in one.forms)
