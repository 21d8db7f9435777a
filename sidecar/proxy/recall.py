"""Heads seen before. A caller sends the same head call after call, and so does a model.

What a head means depends on its bytes alone, so a head met again byte for byte need not be parsed and
judged again: that is most of the work of a small call. Only complete messages with a known length take
this way; everything else, and every head seen for the first time, goes through the strict parser.
"""

from __future__ import annotations

from typing import Generic, TypeVar

Head = TypeVar("Head")

MOST_HEADS = 512
LONGEST_HEAD = 2048
"""Bytes. Together they bound the memory: one megabyte of heads for each side."""

ONCE_ONLY = (b"traceparent", b"x-request-id", b"x-b3-traceid", b"uber-trace-id", b"\nb3:", b"\nce-id:")
"""Fields that differ from call to call: a head with one of them would never be met again."""


class Recall(Generic[Head]):
    """A bounded map from the bytes of a head, final empty line included, to what it means."""

    __slots__ = ("_heads", "get")

    def __init__(self) -> None:
        self._heads: dict[bytes, Head] = {}
        self.get = self._heads.get

    def keep(self, raw: bytes, head: Head) -> None:
        """Remember `head` as the meaning of `raw`, if it may come again."""
        if len(raw) > LONGEST_HEAD:
            return
        lower = raw.lower()
        if any(name in lower for name in ONCE_ONLY):
            return
        if len(self._heads) >= MOST_HEADS:
            self._heads.clear()
        self._heads[raw] = head
