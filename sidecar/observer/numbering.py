"""Numbers that last: a group found again keeps the number it had, a new one gets a number never used."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

SAME = 0.5
"""A group is one known before when so much of what is left of that one is in it, or so much of it was in that
one: groups grow, shrink, fall apart and are joined."""


class Known(msgspec.Struct, frozen=True, array_like=True):
    """A number that was given, the serials of its rows, and when the first one was seen (Unix seconds)."""

    id: int
    members: frozenset[int]
    first: float


def numbers(
    groups: Sequence[Collection[int]], searched: Collection[int], known: Sequence[Known]
) -> list[Known | None]:
    """For each new group, given by its members, what it was known as; None for one never seen before.

    `searched` are all rows of the new search; rows that are gone count neither way. Pairs with more rows in
    common are settled first, and nobody is matched twice.
    """
    pairs = []
    for old in known:
        left = old.members.intersection(searched)
        for place, group in enumerate(groups):
            common = len(left.intersection(group))
            if common and common >= SAME * min(len(left), len(group)):
                pairs.append((common, -old.id, place, old))
    matched: list[Known | None] = [None] * len(groups)
    taken = set()
    for _, _, place, old in sorted(pairs, key=lambda pair: pair[:3], reverse=True):
        if matched[place] is None and old.id not in taken:
            matched[place] = old
            taken.add(old.id)
    return matched
