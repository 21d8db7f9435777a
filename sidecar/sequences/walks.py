"""What recent questions say of a new one: is it one more step of a walk?

    alike     its print is near another's (`sidecar.scoring.prints` says how near), and it is not the same
    the same  asked before, bit for bit: a retry, a health check, a popular input. It is what it was the first
              time, and nothing is remembered of it: so it makes no sequence longer and pushes nobody out

    nearby    less near, but to two of the same caller's latest: these are so few that by chance it happens
              less often all the same

    between   on the straight line from one question of the same caller to another: who looks for the boundary
              between two inputs halves the way, and the first step may be as wide as digits are apart

A question with two others that are alike or nearby, or between two, makes a sequence, of which it is the
third. From then on every question that is alike to one of a sequence is the next of it, however far the first
ones lie by now.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidecar.exchange import Evidence
from sidecar.scoring.prints import RECENT, Prints, asked, cosines, squared
from sidecar.sequences.memory import ENTRY, Memory

LEAST = 3
"""Questions that make a sequence. Two that are alike happen to honest callers; the odds of three are what
`sidecar.baseline.printing` has calibrated."""


STRAIGHT = -0.995
"""The cosine between the ways to two others when a question is between them; 6 degrees are for rounding, and
for pixels that cannot be darker than black."""


class Walks:
    """The sequences that one worker sees. `update` with each call."""

    def __init__(self, memory: Memory, seconds: float) -> None:
        """`seconds`: how long a question is remembered at most."""
        self._memory = memory
        self.seconds = seconds

    def update(self, prints: Prints, client: str, now: float) -> Evidence | None:
        """The longest sequence that a row of this call belongs to, if any; and remember its rows.

        `client`: the caller's address; `now`: Unix time."""
        memory, rows, tag = self._memory, len(prints.ids), prints.tag
        own = np.zeros(rows, ENTRY)
        own["id"], own["client"], own["tag"], own["at"] = prints.ids, _number(client), tag, now
        near = self._near(prints, int(own["client"][0]))
        inner = squared(prints.points, prints.points) <= prints.reach[:, None] if rows > 1 else None
        fresh = []
        for row in range(rows):
            about = memory.about[near[row]] if near[row].size else NOBODY
            if about.size:
                about = about[self._counts(about, tag, now)]
            if (prints.lines or prints.wider > 1.0) and np.unique(about["id"]).size < LEAST - 1:
                about = np.concatenate((about, self._own(prints, row, own[row], now)))
            if inner is not None:
                about = np.concatenate((about, own[:row][inner[row, :row]]))
            if _place(own[row : row + 1], about):
                fresh.append(row)
        for row in fresh:
            memory.add(prints.points[row], own[row])
        longest = own[int(own["n"].argmax())]
        if longest["n"] < LEAST:
            return None
        return Evidence("query-sequence", int(longest["n"]), float(longest["since"]), int(longest["clients"]))

    def _counts(self, about: NDArray[Any], tag: int, now: float) -> NDArray[np.bool_]:
        """Which questions are not forgotten, and by the same signs."""
        counts: NDArray[np.bool_] = (about["at"] > now - self.seconds) & (about["tag"] == tag)
        return counts

    def _own(self, prints: Prints, row: int, entry: Any, now: float) -> NDArray[Any]:
        """The latest questions of the same caller that make a sequence with this row, two or more, if any."""
        group = self._memory.group(int(entry["client"]))
        about = self._memory.about[group]
        which = np.flatnonzero(self._counts(about, entry["tag"], now) & (about["client"] == entry["client"]))
        points = self._memory.points[group][which]
        found = squared(prints.points[row : row + 1], points)[0] <= prints.reach[row] * prints.wider
        if np.count_nonzero(found) < LEAST - 1:
            found[:] = False
        if prints.lines:
            found |= (cosines(prints.points[row], points) <= STRAIGHT).any(axis=0)
        own: NDArray[Any] = about[which[found]]
        return own

    def _near(self, prints: Prints, client: int) -> list[NDArray[np.intp]]:
        """The places of the prints within reach of each row: among those of all callers, and of this one."""
        points, group = self._memory.points, self._memory.group(client)
        turned = asked(prints.points).T
        bounds = prints.reach / 2.0 - prints.points[:, -1]
        recent = points[:RECENT] @ turned <= bounds
        own = points[group] @ turned <= bounds
        return [
            np.concatenate((np.flatnonzero(recent[:, row]), np.flatnonzero(own[:, row]) + group.start))
            for row in range(len(bounds))
        ]


NOBODY = np.zeros(0, ENTRY)


def _place(entry: NDArray[Any], about: NDArray[Any]) -> bool:
    """Say in `entry`, one question, which of a sequence it is, given those within reach. Whether it is
    new."""
    same = about[about["id"] == entry["id"][0]] if about.size else about
    if same.size:
        longest = same[int(same["n"].argmax())]
        entry["n"], entry["since"], entry["clients"] = longest["n"], longest["since"], longest["clients"]
        return False
    alike = np.unique(about["id"]).size if about.size else 0
    if not alike:
        entry["n"], entry["since"], entry["clients"] = 1, entry["at"], 1
        return True
    longest = int(about["n"].max()) if alike >= LEAST - 1 else 0
    entry["n"] = 1 + max(alike, longest)
    entry["since"] = about["since"].min()
    clients = np.unique(np.append(about["client"], entry["client"])).size
    entry["clients"] = max(clients, int(about["clients"].max()))
    return True


@lru_cache(maxsize=4096)
def _number(client: str) -> int:
    """A caller's address as a number, the same in all workers."""
    return int.from_bytes(hashlib.blake2b(client.encode(), digest_size=8).digest(), "little")
