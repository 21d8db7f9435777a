"""Columns of text: what is learned of them is how often each run of three bytes occurs."""

from __future__ import annotations

from sidecar.features.texts import TextReading, learned

LEARNED_FROM = 20_000
"""Texts that are learned from at most, evenly spaced: more change the table hardly."""


def of_texts(name: str, labels: list[str | None]) -> TextReading:
    """How a column of text is read."""
    known = [text for text in labels if text is not None]
    return TextReading(name, learned(known[:: max(1, -(-len(known) // LEARNED_FROM))]))
