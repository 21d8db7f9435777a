"""Libraries that judge windows by their own defaults, each in an environment of its own
(`bench.rig.installs`) and in a process of its own there (`bench.drift.foreign`).

NannyML and alibi-detect judge every window. Evidently draws a picture of every column whenever it is asked,
which takes a quarter of a second for each: its default rule is worked out in `bench.drift.rules` instead, and
held to what Evidently says of some windows of every flow.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.drift.flows import Flow
from bench.drift.rules import MOVED, Told
from bench.rig import installs
from sidecar.exchange import Matrix

LIBRARIES = ("evidently", "nannyml", "alibi-detect")

PROMISED = {"alibi-detect: KSDrift": "5 %", "alibi-detect: CVMDrift": "5 %"}
"""What a library promises for a window, where it does."""

FOREIGN = Path(__file__).parent / "foreign.py"

PATIENCE = 1_800.0
"""Seconds that a library may take for one flow."""

QUIET = {"DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1"}

CHECKED = 4
"""Windows of each size and flow that Evidently's own tests score; each eighth flow's first is asked of its
whole report, too."""

CLOSE = 1e-6
"""By how much scores may differ: the library adds up in another order."""


class Peers:
    """The libraries' processes. Ask of a flow, do other work, and then hear."""

    def __init__(self, libraries: Sequence[str]) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        for library in libraries:
            try:
                python = installs.environment(library) / "bin" / "python"
            except installs.Missing as error:
                print(f"{library}: left out: {error}", file=sys.stderr)
                continue
            self._running[library] = subprocess.Popen(
                [str(python), str(FOREIGN), library],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=os.environ | QUIET,
            )
        self._flows = 0
        self._scores: list[Any] = []
        """Ours, of the windows of this flow that Evidently is asked about."""
        self.columns = self.unlike = self.reports = 0
        """Columns of windows that Evidently scored, those that it scored otherwise, and whole reports."""

    def __enter__(self) -> Peers:
        return self

    def __exit__(self, *error: object) -> None:
        for running in self._running.values():
            assert running.stdin is not None
            running.stdin.close()
            running.terminate()
            running.wait()
        self._folder.cleanup()

    def ask(self, flow: Flow, short: Sequence[Matrix]) -> None:
        """Set every library to work on a flow."""
        self._scores = []
        if not self._running:
            return
        file = Path(self._folder.name) / "flow.npz"
        windows = {"long": np.stack(flow.windows), "short": np.stack(short)}
        report = self._flows % 8 == self._flows // 8 % 8  # so that all sets have their turn
        np.savez(file, reference=flow.reference, checked=CHECKED, report=report, **windows)
        self._flows += 1
        for library, running in list(self._running.items()):
            assert running.stdin is not None
            try:
                running.stdin.write(f"{file}\n".encode())
                running.stdin.flush()
            except OSError:
                self._lose(library, "it ended")

    def check(self, told: Sequence[Told]) -> None:
        """Remember our scores of one size's windows, in the order in which they were asked about."""
        self._scores += [one.evidently for one in told[:CHECKED]]

    def told(self) -> dict[str, list[tuple[int, int]]]:
        """For each rule, windows with an alarm and windows seen: of long windows, and of short ones."""
        found: dict[str, list[tuple[int, int]]] = {}
        for library in list(self._running):
            answer = self._answer(library)
            if answer is None:
                continue
            if library == "evidently":
                self._compare(answer)
            else:
                found |= {f"{library}: {rule}": counts for rule, counts in answer.items()}
        return found

    def _answer(self, library: str) -> Any:
        stdout = self._running[library].stdout
        assert stdout is not None
        ready, _, _ = select.select([stdout], [], [], PATIENCE)
        line = stdout.readline() if ready else b""
        if not line:
            self._lose(library, "it ended" if ready else f"it took more than {PATIENCE:.0f} s")
            return None
        return json.loads(line)

    def _lose(self, library: str, why: str) -> None:
        """Go on without a library."""
        print(f"{library}: {why}", file=sys.stderr)
        running = self._running.pop(library)
        running.kill()
        running.wait()

    def _compare(self, answer: dict[str, Any]) -> None:
        """Hold our scores to Evidently's, and its report's word to its scores."""
        scores = [np.array(one) for one in answer["scores"]]
        for ours, theirs in zip(self._scores, scores, strict=True):
            self.columns += len(ours)
            alike = (np.abs(ours - theirs) < CLOSE) & ((ours >= MOVED) == (theirs >= MOVED))
            self.unlike += int((~alike).sum())
        for at, count in answer["reports"]:
            self.reports += 1
            self.unlike += int(count != (scores[at] >= MOVED).sum())

    def report(self) -> None:
        """Whether Evidently's rule is Evidently's."""
        if self.columns:
            print(
                f"\nEvidently itself scored {self.columns:,} columns of these windows and made {self.reports}"
                f" whole reports; otherwise than told here: {self.unlike}"
            )
