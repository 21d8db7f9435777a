"""What the writer keeps: parcels go into a journal, and journals become files when they are large or old
enough.

Synchronous, and without a clock or a socket of its own. Raises OSError wherever the disk does; then nothing
is lost, and the same call may be tried again. Counterparts: `sidecar.capture.writer`, and
`sidecar.capture.finishing` for the files.
"""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path

from sidecar.capture import journal
from sidecar.capture.finishing import Unwritable, finish
from sidecar.capture.journal import Full, Journal, Opening
from sidecar.capture.parcels import Orders, parcel
from sidecar.capture.places import Folder, clear

log = logging.getLogger(__name__)

CLEAR_SECONDS = 60.0
"""Seconds between two looks for old files."""


class Store:
    """Journals and files below one directory: the capture's own, or a spool."""

    def __init__(self, orders: Orders, folder: Path, *, clears: bool) -> None:
        """`clears`: whether old files are deleted here, and not where they go."""
        self.safe = 0
        """All parcels up to this number are on disk."""
        self.lost: Counter[str] = Counter()
        self.files = self.file_bytes = self.deleted = 0
        self._orders = orders
        self._folder = folder
        self._clears = clears
        self._cleared = 0.0
        self._recovered = False
        self._journal: Journal | None = None
        self._full: list[tuple[Full, int]] = []
        """Journals that are to become files, and how many records are in each."""

    def recover(self) -> None:
        """Take over what earlier writers left behind. Parcels among them that are this observer's are
        safe."""
        if self._recovered:
            return
        place = self._folder / journal.FOLDER
        place.mkdir(parents=True, exist_ok=True)
        for full in journal.abandoned(place):
            try:
                self._take_over(full)
            except OSError:
                full.close()
                raise
        self._recovered = True

    def _take_over(self, full: Full) -> None:
        opened = journal.opening(full.path)
        parcels = [(one.number, len(one.records)) for one in journal.parcels(full.path)]
        if opened is not None and opened.source == self._orders.source:
            self.safe = max([self.safe, *(number for number, _ in parcels)])
        self._full.append((full, sum(records for _, records in parcels)))

    def take(self, body: bytes, now: float) -> None:
        """Keep a parcel, unless it's kept already."""
        taken = parcel(body)
        if taken.number <= self.safe:
            return
        if self._journal is None:
            orders = self._orders
            opening = Opening(orders.source, orders.service, orders.pod, now, taken.number)
            self._journal = Journal(self._folder / journal.FOLDER, opening)
        self._journal.append(body, len(taken.records))
        self.safe = taken.number

    def rotate(self, now: float) -> None:
        """End the open journal when it's due."""
        if self._journal is not None and self._due(self._journal, now):
            self.seal()

    def tend(self, now: float) -> None:
        """Do what is due: make files of full journals, delete old files."""
        self.recover()
        self.rotate(now)
        while self._full:
            self._finish(*self._full[0])
            self._full.pop(0)[0].close()
        if self._clears and now - self._cleared >= CLEAR_SECONDS:
            self._clear(now)

    def seconds_left(self, now: float) -> float:
        """Until something is due."""
        if self._journal is None:
            return CLEAR_SECONDS
        return max(0.0, self._journal.opening.began + self._orders.segment_seconds - now)

    def seal(self) -> None:
        """End the journal that is open; `tend` makes a file of it."""
        if self._journal is not None:
            self._full.append((self._journal.full(), self._journal.records))
            self._journal = None

    def _due(self, one: Journal, now: float) -> bool:
        old = now - one.opening.began >= self._orders.segment_seconds
        return old or one.size >= self._orders.segment_bytes

    def _finish(self, full: Full, records: int) -> None:
        if not full.path.exists():
            log.error("capture: somebody deleted %s with %d records", full.path, records)
            self.lost["deleted"] += records
            return
        try:
            size = finish(full, self._folder)
        except Unwritable as error:
            self._set_aside(full.path, records, error)
            return
        if size:
            self.files += 1
            self.file_bytes += size
            self._cleared = 0.0

    def _set_aside(self, path: Path, records: int, error: Exception) -> None:
        """A journal that no file can be made of must not stop all others."""
        self.lost["unwritable"] += records
        aside = path.with_suffix(".bad")
        log.error("capture: no file can be made of %d records, they are in %s: %s", records, aside, error)
        path.replace(aside)

    def _clear(self, now: float) -> None:
        orders = self._orders
        self.deleted += clear(Folder(self._folder), orders.keep_bytes, orders.keep_seconds, now)
        self._cleared = now
