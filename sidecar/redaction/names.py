"""Secrets known by what they are called: `password`, `api_key`, as keys of JSON, parameters, assignments."""

from __future__ import annotations

import re
from functools import lru_cache

from sidecar.redaction.patterns import Span, skeleton

NAMED = "named"
"""Its name in the setting `redact`."""

_WORDS = (
    r"pass(?:word|wd|phrase|code)?|pwd|secret|api[_-]?key|apikey|access[_-]?key|private[_-]?key"
    r"|secret[_-]?key|auth|authorization|credentials?|session[_-]?id|sessionid|access[_-]?token|refresh[_-]?token"
    r"|id[_-]?token|auth[_-]?token|api[_-]?token|token|sig|signature|client[_-]?secret|cookie|ssn|cvv|cvc|pin"
)
_NAME = re.compile(rf"(?:.*[_.\-\s])?(?:{_WORDS}|(?:[a-z]+)?(?:Password|Secret|Token|ApiKey))", re.IGNORECASE)
_CAMEL = re.compile(r".*[a-z](?:Password|Secret|Token|ApiKey|AccessKey|PrivateKey)")
_VALUES = (
    r'"((?>(?:[^"\\]|\\[\s\S]){1,4096}))',  # in JSON, where a backslash says that a quote is not its end
    r'\\"((?>(?:[^"\\]|\\\\\\?[\s\S]){1,4096}))',  # in JSON within a text of JSON
    r"'([^'\\]{1,4096}+)",
    r"((?:(?i:basic|bearer|digest|negotiate|token)[ \t]{1,4}+)?[^\s\"'&,;{}\[\]\\]{1,4096}+)",
)
# Atomic groups, because Python 3.11.2 miscounts possessive repeats of groups.
_ASSIGNED = re.compile(
    rf"(?i:(?<![a-z0-9])({_WORDS}))(?:\\?[\"'])?\s{{0,4}}+[:=]\s{{0,4}}+(?:{'|'.join(_VALUES)})"
)
_ENDS = (
    "pass password passwd passphrase passcode pwd secret key auth authorization credential credentials"
    " session_id session-id sessionid token sig signature cookie ssn cvv cvc pin"
)
_HINTS = tuple({form for end in _ENDS.split() for form in (end.encode(), skeleton(end.encode()))})
_BETWEEN = b"\"'\\ \t\r\n"

_NUMERIC = re.compile(r"(?:.*[_.\-\s])?(?:pass(?:word|wd|phrase|code)|pwd|pin|ssn|cvv|cvc)", re.IGNORECASE)
_SHORTEST = 100
"""Of numbers, those below are no secrets but counts and flags."""

_PLAIN = re.compile(r"-?[0-9.]+(?:[eE][+-]?[0-9]+)?|true|false|null|none", re.IGNORECASE)


@lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """Whether what goes by this name is nobody's business. `max_tokens` is not a token, `spin` not a PIN."""
    return len(name) <= 256 and (_NAME.fullmatch(name) or _CAMEL.fullmatch(name)) is not None


@lru_cache(maxsize=4096)
def is_secret_number(name: str) -> bool:
    """Whether also a number that goes by this name is nobody's business: a PIN is one, a `token` of 5 is
    not."""
    return len(name) <= 256 and _NUMERIC.fullmatch(name) is not None


def is_long(value: float) -> bool:
    """Whether a number is long enough for a PIN."""
    return value >= _SHORTEST


def hinted(data: bytes) -> bool:
    """Whether anything is called by a secret's name, in a text in lower case or in its `skeleton`. May be
    wrong; what `is_secret` names is not missed."""
    return _hinted(data, b":") or _hinted(data, b"=")


def _hinted(data: bytes, sign: bytes) -> bool:
    if sign not in data:
        return False
    before = data.split(sign)
    del before[-1]
    return any(part.rstrip(_BETWEEN).endswith(_HINTS) for part in before)


def assigned(text: str) -> list[Span]:
    """The values in `name=value`, `name: value` and `"name": "value"` whose names are those of secrets."""
    spans: list[Span] = []
    if not hinted(text.lower().encode("latin-1", "replace")):
        return spans
    for match in _ASSIGNED.finditer(text):
        value = next(i for i in range(2, len(_VALUES) + 2) if match[i] is not None)
        if not match[value].startswith("[redacted") and not _harmless(match[1], match[value]):
            spans.append(match.span(value))
    return spans


def _harmless(name: str, value: str) -> bool:
    """Whether a value says nothing: no value, yes or no, a number where numbers are counts."""
    if not _PLAIN.fullmatch(value):
        return False
    return not (is_secret_number(name) and value.isdecimal() and is_long(int(value[:20])))
