"""How far into a secret the end of a text may already be: what must be held until more has come.

For each pattern of `sidecar.redaction.patterns`, in the same order, an expression that finds the earliest
place from which the text up to its end may yet become such a secret. It may hold too much, never too little.
Counterpart: `flowing`, which holds it.
"""

from __future__ import annotations

import re
from functools import reduce
from typing import NamedTuple

from sidecar.redaction.patterns import LOCAL, PATTERNS


class Begun(NamedTuple):
    """`found` matches what may yet become one, up to the text's end. `grows` says that a secret found at the
    end stays one whatever follows, and takes in more of it: what is found is then sure at once."""

    found: re.Pattern[str]
    grows: bool


def _steps(*steps: str) -> str:
    """An expression for the beginnings of what all steps together match, each step whole but the last."""
    return reduce(lambda rest, step: f"{step}(?:{rest})?", reversed(steps[:-1]), steps[-1])


def _any(*expressions: str) -> str:
    return f"(?:{'|'.join(expressions)})" + r"\Z"


_KEYS = ("AKIA", "ASIA", "AIDA", "AROA", "AGPA", "ANPA")
_CREDENTIALS = r"\s{1,8}[\w.~+/=-]{0,4000}"

BEGUN: dict[str, tuple[Begun, ...]] = {
    "email": (
        Begun(re.compile(rf"(?:(?<![{LOCAL}])[{LOCAL}]++(?:@[\w-]*+(?>(?:\.[\w-]*+)*))?|\.)\Z"), True),
    ),
    "card": (
        Begun(re.compile(r"(?<![0-9.])[2-6](?:[0-9]{0,3}|[0-9]{3}(?:[ -]?[0-9]){0,15}[ -]?)\Z"), False),
    ),
    "iban": (
        Begun(
            re.compile(
                r"(?<![A-Za-z0-9])"
                + _any(_steps("[A-Za-z]", "[A-Za-z]", "[0-9]", "[0-9]", "(?: ?[A-Za-z0-9]){0,30} ?"))
            ),
            False,
        ),
    ),
    "token": (
        Begun(re.compile(_any(_steps("e", "y", "J", r"[\w-]{0,3}")), re.ASCII), True),
        Begun(
            re.compile(
                r"\b" + _any(*(_steps(*word, _CREDENTIALS) for word in ("bearer", "basic", "token"))),
                re.ASCII | re.IGNORECASE,
            ),
            True,
        ),
        Begun(
            re.compile(
                _any(
                    r"\b" + _steps("g", "h", "[pousr]", "_", r"\w{0,15}"),
                    r"\b" + _steps("[spr]", "k", "[-_]", r"[\w-]{0,15}"),
                    _steps(*"github_pat_", r"\w{0,15}"),
                    r"\b" + _steps(*"glpat", "-", r"[\w-]{0,15}"),
                    r"\b" + _steps("x", "o", "x", "[abeprs]", "-", r"[\w-]{0,9}"),
                    r"\b" + _steps(*"AIza", r"[\w-]{0,29}"),
                    r"\b" + _steps(*"hf_", r"\w{0,19}"),
                    r"\b" + _steps(*"npm_", r"\w{0,19}"),
                ),
                re.ASCII,
            ),
            True,
        ),
    ),
    "aws": (
        Begun(
            re.compile(r"\b" + _any(*(_steps(*key, "[A-Z0-9]{0,15}") for key in _KEYS))),
            True,
        ),
        Begun(
            re.compile(
                _any("a", "aw", "aws.{0,26}", "aws.{0,20}secret.{0,20}(?:[\"'=:\\s][A-Za-z0-9/+]{0,40})?"),
                re.IGNORECASE,
            ),
            False,
        ),
    ),
    "pem": (Begun(re.compile(_any(_steps(*"-----BEGIN ", "[A-Z ]{0,51}-{0,4}"))), True),),
}
"""By name, as in `PATTERNS`."""

assert {name: len(found) for name, found in BEGUN.items()} == {
    name: len(found) for name, found in PATTERNS.items()
}
