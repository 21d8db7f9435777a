"""What can be said of an answer without a model of language: how long, how repetitive, refused or not.

Numbers and short names, never the words themselves: these go into windows. Counterpart: `openai`.
"""

from __future__ import annotations

import math
import re

RUN = 4
"""Words in a row that are looked for again."""

LOOKED_AT = 16_384
"""Characters of an answer that are looked at."""

_NOT = r"(?:can(?:no|')?t|cannot|could not|unable|not able|won't|will not)"
_REFUSAL = re.compile(
    rf"\s*(?:(?:i'?m|i am|we'?re|we are) (?:\w+ )?sorry\b[^.!?]{{0,60}}\b{_NOT}"
    rf"|(?:sorry|unfortunately|my apologies|i apologi[sz]e)\b[^.!?]{{0,60}}\b{_NOT}"
    rf"|i {_NOT} (?:help|assist|do|provide|comply|answer|create|write|give|support|share|discuss|engage)"
    r"|i(?:'m| am) (?:not able|unable) to\b|i must decline\b"
    rf"|as an ai\b[^.!?]{{0,60}}\b{_NOT}"
    r"|(?:es )?tut mir leid\b[^.!?]{0,60}\b(?:nicht|kein)"
    r"|(?:je suis )?désolée?\b[^.!?]{0,60}\b(?:pas|impossible)"
    r"|lo siento\b[^.!?]{0,60}\bno\b)",
    re.IGNORECASE,
)
"""How answers begin that decline, in the words of common models. A guess: it counts, it decides nothing."""

SCRIPTS = (
    (0x0370, 0x03FF, "greek"),
    (0x0400, 0x052F, "cyrillic"),
    (0x0590, 0x05FF, "hebrew"),
    (0x0600, 0x077F, "arabic"),
    (0x0900, 0x097F, "devanagari"),
    (0x0E00, 0x0E7F, "thai"),
    (0x3040, 0x30FF, "kana"),
    (0x3400, 0x9FFF, "han"),
    (0xAC00, 0xD7AF, "hangul"),
)


def length(text: str) -> float:
    """log2 of one more than the characters."""
    return math.log2(1.0 + len(text))


def repetition(text: str) -> float:
    """Share of the runs of four words that came before in the same text; 0.0 for fewer than two of them."""
    words = text[:LOOKED_AT].split()
    runs = len(words) - RUN + 1
    if runs < 2:
        return 0.0
    return 1.0 - len({tuple(words[i : i + RUN]) for i in range(runs)}) / runs


def refuses(text: str) -> bool:
    """Whether the answer begins as one that declines."""
    return _REFUSAL.match(text[:256].replace("\u2019", "'")) is not None


def script(text: str) -> str:
    """The writing system of most of its letters, `latin` for all that has no row of its own; `none` without
    letters. Kana anywhere make Han Japanese."""
    counts: dict[str, int] = {}
    for char in text[:LOOKED_AT]:
        if char.isalpha():
            name = _script(ord(char))
            counts[name] = counts.get(name, 0) + 1
    if not counts:
        return "none"
    if "kana" in counts and "han" in counts:
        counts["kana"] += counts.pop("han")
    return max(counts, key=lambda name: counts[name])


def _script(code: int) -> str:
    if code < 0x0370:
        return "latin"
    return next((name for low, high, name in SCRIPTS if low <= code <= high), "latin")
