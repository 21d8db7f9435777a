"""Prints of recent questions, in one file that all workers map: a sequence spread over workers is still one.

    all callers   RECENT places, an even share for each worker, which writes no other: the oldest goes
    by caller     1,024 groups of 16 places; a caller's questions are in the group that its address names

The second part is for patience: what one caller asked is still there when thousands of others have asked
since. Two callers may share a group; then each has less of it. Nothing is locked. A print that is read while
another worker writes it is compared wrongly, once. Entries are never told from their file what they mean: a
file left by another sidecar has times that are over, or prints with another tag.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidecar.scoring.prints import OWN_RECENT, RECENT, WIDTH, Points

SEQUENCES = "sequences.memory"
"""What the file is called in the run directory."""

GROUPS = 1_024

ENTRY = np.dtype(
    [
        ("id", "u8"),
        ("client", "u8"),
        ("tag", "u8"),
        ("at", "f8"),
        ("since", "f8"),
        ("n", "u4"),
        ("clients", "u4"),
    ]
)
"""What is known of a question beside its print. `at`, `since`: Unix time; 0.0 is an empty place. `n`,
`clients`: what it was told (`sidecar.exchange.Evidence`)."""

PLACES = RECENT + GROUPS * OWN_RECENT

SIZE = PLACES * (4 * WIDTH + ENTRY.itemsize)


class Memory:
    """The part of one worker in the common file, and a view of all of it."""

    def __init__(self, file: Path | None, worker: int = 0, workers: int = 1) -> None:
        """`file`: what the workers share; None: memory of this process only. Raises OSError."""
        if file is None:
            self._map = mmap.mmap(-1, SIZE)
        else:
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                os.ftruncate(descriptor, SIZE)
                self._map = mmap.mmap(descriptor, SIZE)
            finally:
                os.close(descriptor)
        points = np.frombuffer(self._map, np.float32, PLACES * WIDTH).reshape(PLACES, WIDTH)
        about: NDArray[Any] = np.frombuffer(self._map, ENTRY, PLACES, offset=points.nbytes)
        self.points: Points = points
        self.about = about
        self._at = about["at"]
        self._first = RECENT * worker // workers
        self._end = RECENT * (worker + 1) // workers
        self._next = self._first + int(self._at[self._first : self._end].argmin())

    def group(self, client: int) -> slice:
        """Where the questions of this caller are, beside those of all."""
        start = RECENT + client % GROUPS * OWN_RECENT
        return slice(start, start + OWN_RECENT)

    def add(self, point: Points, about: Any) -> None:
        """Remember a question, (WIDTH,) and an `ENTRY`, in place of the oldest ones."""
        self._put(self._next, point, about)
        self._next += 1
        if self._next == self._end:
            self._next = self._first
        group = self.group(int(about["client"]))
        self._put(group.start + int(self._at[group].argmin()), point, about)

    def _put(self, place: int, point: Points, about: Any) -> None:
        self._at[place] = 0.0  # nobody shall take the new print for the old question
        self.points[place] = point
        self.about[place] = about
