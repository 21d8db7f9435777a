"""Figures so far, in a file, so that an interrupt loses one figure at most."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench.auroc import ensembles, singles
from bench.auroc.bounded import bounded
from bench.auroc.protocol import split


class Kept:
    """Figures so far, kept in `file` if there is one; nothing more is measured after `seconds`. `limit`:
    seconds of processor time for one detector on one set. `whole`: see `singles.measured`."""

    def __init__(self, file: Path | None, seconds: float, limit: int, whole: bool) -> None:
        self.figures: dict[str, dict[str, float | None]] = {}
        """Set and seed -> label -> AUROC, None where it took too long."""
        self.over = False
        self._file, self._until = file, time.monotonic() + seconds
        self._limit, self._whole = limit, whole
        if file is not None and file.exists():
            self.figures = msgspec.json.decode(file.read_bytes(), type=dict[str, dict[str, float | None]])

    def measure(
        self, file: Path, seed: int, names: Sequence[str], combined: Sequence[tuple[str, ...]]
    ) -> None:
        """Measure what isn't known of one set under one seed. What needs a package that isn't here waits."""
        found = self.figures.setdefault(f"{file.stem} {seed}", {})
        missing = [name for name in names if name not in found and singles.here(name)]
        together = any(label not in found for label, _, _ in ensembles.labels(combined))
        if not missing and not together:
            return
        part = split(file, seed)
        for name in missing:
            if not self._stopped():
                found[name] = bounded(self._limit, singles.measured, name, part, seed, self._whole)
                self._keep()
        if together and not self._stopped():
            found.update(ensembles.aurocs(part, combined, seed))
            self._keep()

    def rows(self, files: Sequence[Path], seeds: int) -> dict[str, list[list[float]]]:
        """Label -> AUROC by seed and set, of what was measured everywhere."""
        each = [[self.figures.get(f"{file.stem} {seed}", {}) for file in files] for seed in range(seeds)]
        found = {label: [[one.get(label) for one in row] for row in each] for label in each[0][0]}
        return {
            label: [[one for one in row if one is not None] for row in rows]
            for label, rows in found.items()
            if all(one is not None for row in rows for one in row)
        }

    def _stopped(self) -> bool:
        self.over = self.over or time.monotonic() > self._until
        return self.over

    def _keep(self) -> None:
        if self._file is not None:
            fresh = self._file.with_suffix(".fresh")
            fresh.write_bytes(msgspec.json.encode(self.figures))
            fresh.replace(self._file)
