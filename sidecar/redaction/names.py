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
_ASSIGNED = re.compile(
    rf"(?i:(?<![a-z0-9])(?:{_WORDS}))(?:\\?[\"'])?\s{{0,4}}+[:=]\s{{0,4}}+"
    r"(?:\\?\"([^\"\\]{1,4096}+)|'([^'\\]{1,4096}+)|([^\s\"'&,;{}\[\]\\]{1,4096}+))"
)
_ENDS = (
    "pass password passwd passphrase passcode pwd secret key auth authorization credential credentials"
    " session_id session-id sessionid token sig signature cookie ssn cvv cvc pin"
)
_HINTS = tuple({form for end in _ENDS.split() for form in (end.encode(), skeleton(end.encode()))})
_BETWEEN = b"\"'\\ \t\r\n"

_PLAIN = re.compile(r"-?[0-9.]+(?:[eE][+-]?[0-9]+)?|true|false|null|none", re.IGNORECASE)


@lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """Whether what goes by this name is nobody's business. `max_tokens` is not a token, `spin` not a PIN."""
    return len(name) <= 256 and (_NAME.fullmatch(name) or _CAMEL.fullmatch(name)) is not None


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
        value = next(i for i in (1, 2, 3) if match[i] is not None)
        if not _PLAIN.fullmatch(match[value]) and not match[value].startswith("[redacted"):
            spans.append(match.span(value))
    return spans
