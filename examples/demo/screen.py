"""Shows the demo while it happens: a live table in a terminal, plain lines anywhere else.

Both have `say` (one line, now), `show` (how things stand, often) and `close`. Counterpart:
`examples/demo/tally.py`, whose snapshots they show.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from examples.demo.findings import Finding
from examples.demo.programme import Phase
from examples.demo.tally import Seen
from examples.traffic import Answer

HEADERS = ("x-anomaly-score", "x-anomaly-verdict", "x-anomaly-detail", "x-drift-state", "x-request-id")


class View(NamedTuple):
    """How things stand: everything a screen shows."""

    programme: Sequence[Phase]
    seen: Mapping[str, Seen]
    """By phase, those that have begun; the last one is being played."""

    latest: Answer | None
    windows: Sequence[str]
    """Lines on what the observer keeps, from the admin API."""


class Screen(Protocol):
    """Where the demo is shown."""

    def say(self, line: str) -> None: ...

    def show(self, view: View) -> None: ...

    def close(self) -> None: ...


def screen() -> Screen:
    """The live one when somebody watches, the plain one when a file or a pipe does."""
    console = Console()
    return LiveScreen(console) if console.is_terminal else PlainScreen()


class PlainScreen:
    """A line when a phase begins, every few seconds, and at its end."""

    EVERY = 3.0
    """Seconds between two lines on the same phase."""

    def __init__(self) -> None:
        self._phase = ""
        self._next = 0.0

    def say(self, line: str) -> None:
        print(line, flush=True)

    def show(self, view: View) -> None:
        seen = _last(view)
        phase = next(phase for phase in view.programme if phase.name == seen.phase)
        if seen.phase != self._phase:
            self._phase, self._next = seen.phase, 0.0
            self.say(f"Phase {phase.name}: {phase.story}")
        if time.monotonic() < self._next and seen.calls < len(phase.calls):
            return
        self._next = time.monotonic() + self.EVERY
        verdict = view.latest.headers.get("x-anomaly-verdict", "no verdict")
        self.say(f"  {', '.join(_facts(seen, phase))}; latest: {verdict}, drift state {view.latest.drift}")

    def close(self) -> None:
        """Nothing is held."""


class LiveScreen:
    """The phases, the latest answer's headers and the windows, redrawn in place."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None

    def say(self, line: str) -> None:
        self._console.print(line, highlight=False)

    def show(self, view: View) -> None:
        if self._live is None:
            self._live = Live(console=self._console, refresh_per_second=5)
            self._live.start()
        self._live.update(Group(_phases(view), _latest(view.latest), *map(Text, view.windows)))

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


def summary(found: Sequence[Finding], console: Console | None = None) -> None:
    """Print the findings as a table; what was not seen stands out and comes again below it."""
    console = console or Console(width=None if sys.stdout.isatty() else 120)
    table = Table("", "claim", "wanted", "seen", title="What the sidecar saw", title_justify="left")
    for finding in found:
        mark = Text("yes", "green") if finding.holds else Text("NO", "bold red")
        table.add_row(mark, finding.claim, finding.wanted, finding.seen)
    console.print(table)
    for finding in found:
        if not finding.holds:
            console.print(
                f"Not seen: {finding.claim}: wanted {finding.wanted}, got {finding.seen}.", style="red"
            )


def _last(view: View) -> Seen:
    return list(view.seen.values())[-1]


def _progress(seen: Seen, phase: Phase) -> str:
    return f"{seen.calls}" if phase.until_scored else f"{seen.calls} of {len(phase.calls)}"


def _facts(seen: Seen, phase: Phase) -> list[str]:
    """One phase in words."""
    facts = [f"{_progress(seen, phase)} calls"]
    if seen.clean:
        facts.append(f"{seen.clean_flagged} of {seen.clean} clean flagged ({seen.flagged_share:.2%})")
    if seen.outliers:
        facts.append(f"{seen.caught} of {seen.outliers} outliers caught ({seen.caught_share:.0%})")
    if seen.failed:
        facts.append(f"{seen.failed} failed")
    if seen.drift_after:
        facts.append(f"{seen.drift} since call {seen.drift_after}")
    return facts


def _phases(view: View) -> RenderableType:
    table = Table("phase", "calls", "clean flagged", "outliers caught", "missed by the model", "drift state")
    for phase in view.programme:
        seen = view.seen.get(phase.name)
        if seen is None:
            table.add_row(phase.name, style="dim")
            continue
        table.add_row(
            phase.name,
            _progress(seen, phase),
            f"{seen.clean_flagged} of {seen.clean}, {seen.flagged_share:.2%}" if seen.clean else "",
            f"{seen.caught} of {seen.outliers}, {seen.caught_share:.0%}" if seen.outliers else "",
            f"{seen.missed_by_model} of {seen.outliers}" if seen.outliers else "",
            f"{seen.drift} after {seen.drift_after}" if seen.drift_after else "stable",
            style="bold" if seen is _last(view) else "",
        )
    story = next(phase.story for phase in view.programme if phase.name == _last(view).phase)
    return Group(table, Text(f"Now: {story}.", "italic"))


def _latest(answer: Answer) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    odd = answer.verdict not in ("normal", "learning")
    for name in HEADERS:
        table.add_row(Text(name, "cyan"), Text(answer.headers.get(name, ""), "yellow" if odd else ""))
    return Group(Text("\nThe latest answer says"), table)
