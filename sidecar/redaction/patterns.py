"""Secrets known by their looks. Each has a cheap test whether a text can hold one, and an exact one.

Numbers are checked by their own check digits (Luhn: ISO/IEC 7812-1; IBAN: `accounts`), so that an
order number is not taken for a card. Every expression is linear in its text, which a caller chooses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

from sidecar.redaction.accounts import is_iban

Span: TypeAlias = tuple[int, int]


class Pattern(NamedTuple):
    """How one kind of secret is found: `find` yields the spans to take out. A text can hold one only where
    one of `signs` is in it (in lower case), or one of `forms` in its `shape`. Where `cores` are given, each
    of the forms holds one of them: there are fewer, and most texts have none."""

    find: Callable[[str], Iterator[Span]]
    signs: tuple[str, ...] = ()
    forms: tuple[bytes, ...] = ()
    cores: tuple[bytes, ...] = ()


def shape(data: bytes) -> bytes:
    """`data` with digits as 0, letters as A, dots as they are and all else as x; x before the first."""
    return b"x" + data.translate(_SHAPES)


def skeleton(data: bytes) -> bytes:
    """`data` in lower case without what numbers are made of. What is not in it isn't in `data` either, if the
    same is taken out of that."""
    return data.translate(_LOWER, _NUMBERS)


_NUMBERS = b"0123456789.,[]-+eE "
_LOWER = bytes(range(256)).lower()


_SHAPES = (
    bytes(
        ord("0") if chr(i).isdigit() else ord("A") if chr(i).isalpha() else i if i == ord(".") else ord("x")
        for i in range(128)
    )
    + b"x" * 128
)


def _all(expression: str, flags: int = 0) -> Callable[[str], Iterator[Span]]:
    found = re.compile(expression, flags)
    return lambda text: (match.span() for match in found.finditer(text))


# -- numbers with check digits ---------------------------------------------------------------------

_CARD = re.compile(r"(?<![0-9.])(?=([2-6][0-9]{3}(?:[ -]?[0-9]){8,15}))")
_IBAN = re.compile(r"(?<![A-Za-z0-9])(?=([A-Za-z]{2}[0-9]{2}(?: ?[A-Za-z0-9]){11,30}))")


def is_card(digits: str) -> bool:
    """Whether 13 to 19 digits are a card number: major industry 2 to 6, Luhn's check digit right."""
    if not (13 <= len(digits) <= 19 and "2" <= digits[0] <= "6"):
        return False
    total = sum(map(int, digits[-1::-2]))
    return (total + sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])) % 10 == 0


def _checked(
    expression: re.Pattern[str],
    right: Callable[[str], bool],
    least: int,
    goes_on: Callable[[str, int], bool],
) -> Callable[[str], Iterator[Span]]:
    """Spans that begin as `expression` says and hold a right number, the longest one that ends where it
    may: not where it `goes_on` in a text from a place. Groups are taken apart, because what follows a number
    may look like one more group of it."""

    def find(text: str) -> Iterator[Span]:
        done = 0
        for match in expression.finditer(text):
            start, end = match.span(1)
            if start < done:
                continue
            for stop in range(end, start + least - 1, -1):
                if text[stop - 1] in " -" or (stop < len(text) and goes_on(text, stop)):
                    continue
                if right(re.sub("[ -]", "", text[start:stop])):
                    done = stop
                    yield start, stop
                    break

    return find


def _digits(text: str, stop: int) -> bool:
    return text[stop].isdigit()


def _word(text: str, stop: int) -> bool:
    return text[stop].isalnum()


# -- the table -------------------------------------------------------------------------------------

LOCAL = r"\w.!#$%&'*+=?^`{|}~-"

PATTERNS: dict[str, tuple[Pattern, ...]] = {
    "email": (Pattern(_all(rf"(?<![{LOCAL}])[{LOCAL}]++@[\w-]++(?:\.[\w-]++)+"), ("@",)),),
    # A digit after the dot of a number is no card's: floats are what most bodies are full of.
    "card": (
        Pattern(
            _checked(_CARD, is_card, 13, _digits),
            forms=(b"x0000000000000", b"A0000000000000", b"0000x0000x0000", b"0000x000000x0000"),
            cores=(b"0000000000000", b"0000x0000"),
        ),
    ),
    "iban": (
        Pattern(
            _checked(_IBAN, is_iban, 15, _word),
            forms=(b"xAA000", b"xAA00A", b"xAA00x0", b"xAA00xA"),
            cores=(b"xAA00",),
        ),
    ),
    "token": (
        Pattern(_all(r"eyJ[\w-]{4,}+(?:\.[\w-]*+){0,4}", re.ASCII), ("eyj",)),
        Pattern(
            _all(
                r"\b(?:bearer|basic|token)\s{1,8}+(?=[\w.~+/=-]{0,4000}[0-9=_])[\w.~+/=-]{8,}+",
                re.ASCII | re.IGNORECASE,
            ),
            ("bearer", "basic", "token"),
        ),
        Pattern(
            _all(
                r"\bgh[pousr]_\w{16,}+|\b(?:sk|pk|rk)[-_][\w-]{16,}+|github_pat_\w{16,}+|\bglpat-[\w-]{16,}+"
                r"|\bxox[abeprs]-[\w-]{10,}+|\bAIza[\w-]{30,}+|\bhf_\w{20,}+|\bnpm_\w{20,}+",
                re.ASCII,
            ),
            (
                *("sk-", "sk_", "pk-", "pk_", "rk-", "rk_", "glpat-", "xox", "aiza", "hf_", "npm_"),
                *("github_pat_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
            ),
        ),
    ),
    "aws": (
        Pattern(
            _all(r"\b(?:AKIA|ASIA|AIDA|AROA|AGPA|ANPA)[A-Z0-9]{16}"),
            ("akia", "asia", "aida", "aroa", "agpa", "anpa"),
        ),
        Pattern(_all(r"(?i:aws.{0,20}?secret.{0,20}?[\"'=:\s])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])"), ("aws",)),
    ),
    "pem": (
        Pattern(
            # An atomic group, because Python 3.11.2 miscounts possessive repeats of groups.
            _all(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?>(?:(?!-----END)[\s\S])*)(?:-----END[A-Z -]*+)?"),
            ("private key",),
        ),
    ),
}
"""Name in the setting `redact` -> how it is found."""

_SHORTEST = 13
"""Characters. Fewer letters and digits without anything between them are no secret of any kind above."""


def taken_out(text: str, names: tuple[str, ...], marks: set[str], *, same_length: bool = False) -> str:
    """`text` without what these patterns find; the names of those that did are added to `marks`. With
    `same_length`, stars stand in its place, for formats that count their bytes."""
    for name, one in possible(text, names):
        spans = list(one.find(text))
        if spans:
            marks.add(name)
            text = replaced(text, spans, name, same_length=same_length)
    return text


def possible(text: str, names: tuple[str, ...]) -> list[tuple[str, Pattern]]:
    """The patterns that could find something, by their signs and forms: the search itself costs far more."""
    if len(text) < _SHORTEST and text.isalnum():
        return []
    lower = text.lower()
    form = shape(text.encode("latin-1", "replace"))
    return [
        (name, one)
        for name in names
        for one in PATTERNS[name]
        if any(sign in lower for sign in one.signs) or any(part in form for part in one.forms)
    ]


def replaced(text: str, spans: list[Span], name: str, *, same_length: bool = False) -> str:
    """`text` with a mark, or stars, in place of each of these spans (in order, not overlapping)."""
    pieces: list[str] = []
    at = 0
    for start, stop in spans:
        pieces += (text[at:start], "*" * (stop - start) if same_length else f"[redacted:{name}]")
        at = stop
    return "".join((*pieces, text[at:]))
