"""Text that comes in pieces, with stars for secrets also where a piece's end cuts them in two.

    pieces -> what is sure (with stars) | what may yet become a secret, held until more has come

As many characters come out as went in. What is held is what the end of the text may yet grow into
(`sidecar.redaction.begun`), so a text that looks like nothing waits for nothing, and a long secret is starred
as it comes: nobody need know its end. Counterpart: `answers`, which takes the text out of events.
"""

from __future__ import annotations

from collections.abc import Iterator

from sidecar.redaction.begun import BEGUN
from sidecar.redaction.patterns import PATTERNS, Span

MOST_HELD = 512
"""Characters held at most. Of a secret that shows itself later than that, the first ones have passed."""

LONG = 1024
"""Characters of a secret that are looked at again with each piece of it: so many of its beginning and of its
end. So the work for a piece stays the same however long the secret is."""

GUARD = "9"
"""Stands before the one character that is kept of what has passed and says whether a secret may begin after
it, when that is a letter or digit: so none begins with it."""


class Flow:
    """One text. `update` with each piece, `settle` when it is over, `take` as much as is `sure`."""

    __slots__ = ("_at", "_names", "_out", "_text", "stars")

    def __init__(self, names: tuple[str, ...]) -> None:
        """`names`: of `PATTERNS`."""
        self.stars = 0
        """Characters that were starred."""
        self._names = names
        self._text = ""
        self._at = 0
        """Where in `_text` begins what is held; before it stands what it is read with."""
        self._out = ""

    @property
    def sure(self) -> int:
        """Characters that can be taken."""
        return len(self._out)

    def update(self, piece: str) -> None:
        """More of the text has come."""
        self._text += piece
        self._look(over=False)

    def settle(self) -> None:
        """The text is over, or goes on much later: nothing is held any more."""
        if self._at < len(self._text):
            self._look(over=True)
        self._text, self._at = "", 0

    def take(self, size: int) -> str:
        """The next `size` characters of what is sure."""
        taken, self._out = self._out[:size], self._out[size:]
        return taken

    def _look(self, *, over: bool) -> None:
        text, end = self._text, len(self._text)
        held, spans = end, []
        for name in self._names:
            for pattern, begun in zip(PATTERNS[name], BEGUN[name], strict=True):
                found = list(pattern.find(text))
                behind = found[-1][1] if found and begun.grows else 0
                rest = None if over else begun.found.search(text, behind)
                from_ = rest.start() if rest is not None else end
                spans += found if begun.grows else [one for one in found if one[0] < from_]
                held = min(held, from_)
        spans.sort()
        sure = max(self._at, end - MOST_HELD, self._sure(held, spans))
        self._out += self._starred(spans, sure)
        self._at = sure
        self._forget(min([held, *(start for start, stop in spans if stop >= min(end, held))]), sure)

    def _sure(self, held: int, spans: list[Span]) -> int:
        """Up to where it is known what becomes of each character: what a secret is sure to be part of may be
        more than what is held."""
        for start, stop in spans:
            if start <= held < stop:
                held = stop
        return held

    def _starred(self, spans: list[Span], sure: int) -> str:
        return "".join(self._pieces(spans, sure))

    def _pieces(self, spans: list[Span], sure: int) -> Iterator[str]:
        at = self._at
        for start, stop in spans:
            start, stop = max(at, start), min(sure, stop)
            if start < stop:
                self.stars += stop - start
                yield self._text[at:start]
                yield "*" * (stop - start)
                at = stop
        yield self._text[at:sure]

    def _forget(self, needed: int, sure: int) -> None:
        """Keep what is held, and before it what it must be read with."""
        text, at = self._text, sure
        start = min(needed, sure) - 1
        if start > 0:
            guard = GUARD if text[start].isalnum() or text[start] == "_" else ""
            text, at = guard + text[start:], sure - start + len(guard)
        if at > 2 * LONG:  # a long secret, all of it starred: its beginning and its end say what it is
            text, at = text[:LONG] + text[at - LONG :], 2 * LONG
        self._text, self._at = text, at
