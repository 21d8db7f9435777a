"""Shows the demo while it happens: a live table in a terminal, plain lines anywhere else.

Both have `say` (one line, now), `show` (how things stand, often) and `close`. Counterpart:
`examples/demo/tally.py`, whose snapshots they show.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from examples.demo.admin import Watched
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
    """The answer to the latest call."""

    odd: Answer | None
    """The latest answer that was not an ordinary one."""

    watched: Watched
    """What the observer keeps, from the admin API."""


class Screen(Protocol):
    """Where the demo is shown: `say` a line, `show` how things stand, at last the `summary`, then `close`."""

    def say(self, line: str) -> None: ...

    def show(self, view: View) -> None: ...

    def summary(self, found: Sequence[Finding]) -> None: ...

    def close(self) -> None: ...


def screen() -> Screen:
    """The live one when somebody watches, the plain one when a file or a pipe does."""
    console = Console(highlight=False)
    return LiveScreen(console) if console.is_terminal else PlainScreen()


class PlainScreen:
    """Lines: one when a phase begins, one every few seconds, one at its end."""

    EVERY = 3.0
    """Seconds between two lines on the same phase."""

    def __init__(self) -> None:
        self._phase = ""
        self._next = 0.0

    def say(self, line: str) -> None:
        print(line, flush=True)

    def show(self, view: View) -> None:
        seen, phase = _playing(view)
        if phase.name != self._phase:
            self._phase, self._next = phase.name, time.monotonic() + self.EVERY
            self.say(f"Phase {phase.name}: {phase.story}")
        if time.monotonic() >= self._next or seen.calls == len(phase.calls):
            self._next = time.monotonic() + self.EVERY
            self.say(f"  {', '.join(_facts(seen, phase))}; {_said(view.latest)}")

    def summary(self, found: Sequence[Finding]) -> None:
        self.say("\nWhat the sidecar saw")
        for finding in found:
            self.say(
                f"  {'yes' if finding.holds else 'NO '}  {finding.claim}: {finding.seen}{_wanted(finding)}"
            )

    def close(self) -> None:
        """Nothing is held."""


class LiveScreen:
    """The phases, the headers and the window, redrawn in place."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None

    def say(self, line: str) -> None:
        self._console.print(line, soft_wrap=True, markup=False)

    def show(self, view: View) -> None:
        if self._live is None:
            self._live = Live(console=self._console, refresh_per_second=5)
            self._live.start()
        self._live.update(Group(_phases(view), _answers(view), _watched(view.watched)))

    def summary(self, found: Sequence[Finding]) -> None:
        self.close()
        table = Table("", "claim", "seen", "wanted", title="What the sidecar saw", title_justify="left")
        for finding in found:
            mark = Text("yes", "green") if finding.holds else Text("NO", "bold red")
            table.add_row(mark, finding.claim, Text(finding.seen), finding.wanted)
        self._console.print(table)
        for finding in found:
            if not finding.holds:
                self.say(f"Not seen: {finding.claim}: {finding.seen}{_wanted(finding)}")

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


def _playing(view: View) -> tuple[Seen, Phase]:
    """The phase that is being played: the last one that has begun."""
    seen = list(view.seen.values())[-1]
    return seen, next(phase for phase in view.programme if phase.name == seen.phase)


def _said(answer: Answer | None) -> str:
    if answer is None:
        return "no answer yet"
    return f"the latest answer says {answer.verdict or 'nothing'}, {answer.drift or 'no drift state'}"


def _wanted(finding: Finding) -> str:
    return f" (wanted: {finding.wanted})" if finding.wanted else ""


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
    _, playing = _playing(view)
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
            style="bold" if phase is playing else "",
        )
    return Group(table, Text(f"Now: {playing.story}.", "italic"))


def _answers(view: View) -> RenderableType:
    """The sidecar's headers on the latest answer, and on the latest that was odd."""
    table = Table(
        "header", "latest answer", "latest outlier", box=None, header_style="dim", padding=(0, 2, 0, 0)
    )
    for name in HEADERS:
        latest, odd = (answer.headers.get(name, "") if answer else "" for answer in (view.latest, view.odd))
        table.add_row(Text(name, "cyan"), latest, Text(odd, "yellow"))
    return Group(Text(), table, Text())


def _watched(watched: Watched) -> RenderableType:
    """The features that moved most, with the evidence for it."""
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for column in (f"window of {watched.rows} rows", "mean then", "mean now", "evidence for drift"):
        table.add_column(column, justify="left" if column.startswith("window") else "right")
    for feature in watched.features[:4]:
        alarm = feature.evidence >= 1
        share = "alarm" if alarm else f"{max(0.0, feature.evidence):.0%} of what an alarm takes"
        style = "bold yellow" if alarm else ""
        table.add_row(feature.name, f"{feature.reference:.1f}", f"{feature.window:.1f}", share, style=style)
    return table
