"""Secrets known by what they are called: `password`, `api_key`, as keys of JSON, parameters, assignments."""

from __future__ import annotations

import re

from sidecar.redaction.patterns import Span

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
_HINT = re.compile(
    rf"""(?:{_WORDS.replace("e", "e?")})\\{{0,4}}["']?\s*[:=]""".encode(),
    re.IGNORECASE,
)
_PLAIN = re.compile(r"-?[0-9.]+(?:[eE][+-]?[0-9]+)?|true|false|null|none", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Whether what goes by this name is nobody's business. `max_tokens` is not a token, `spin` not a PIN."""
    return len(name) <= 256 and (_NAME.fullmatch(name) or _CAMEL.fullmatch(name)) is not None


def hinted(data: bytes) -> bool:
    """Whether anything is called by a secret's name, or by what is left of one in a text without its digits
    and each `e`. May be wrong; what `is_secret` names is not missed."""
    return _HINT.search(data) is not None


def assigned(text: str) -> list[Span]:
    """The values in `name=value`, `name: value` and `"name": "value"` whose names are those of secrets."""
    spans = []
    for match in _ASSIGNED.finditer(text):
        value = next(i for i in (1, 2, 3) if match[i] is not None)
        if not _PLAIN.fullmatch(match[value]) and not match[value].startswith("[redacted"):
            spans.append(match.span(value))
    return spans
