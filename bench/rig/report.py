"""From measured cells to the table: medians over rounds, latency above the direct call, ratios to Envoy."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from bench.rig.bulk import Stream
from bench.rig.processes import MB
from bench.rig.told import Told
from bench.rig.wrk import Load

DIRECT = "direct"
"""The target without a proxy: wrk straight to the backend."""

YARDSTICK = "envoy"


class Cell(msgspec.Struct, frozen=True):
    """One run of wrk: which, and what it measured. CPU and memory are 0 for direct."""

    round: int
    payload: str
    connections: int
    target: str
    load: Load
    cpu_data_plane: float = 0.0
    """Seconds; `cpu_whole` contains it."""
    cpu_whole: float = 0.0
    rss_data_plane: int = 0
    rss_whole: int = 0
    settled: bool = True
    """False: the tree was still busy ten seconds after the last call."""
    told: Told | None = None


class StreamCell(msgspec.Struct, frozen=True):
    """One set of streams through one proxy."""

    round: int
    target: str
    stream: Stream


class Line(NamedTuple):
    """One line of the table: medians over the rounds, None where there is nothing to tell."""

    payload: str
    connections: int
    target: str
    rate: float
    p50: float | None
    p99: float | None
    p999: float | None
    cpu_data_plane: float | None
    """CPU seconds for 1,000 calls."""
    cpu_whole: float | None
    rss_data_plane: float | None
    """MB."""
    rss_whole: float | None
    """MB."""
    told: float | None
    """Share of sidecar's calls that its observer heard of, over all rounds."""
    scored: float | None
    """Share of those that were scored."""
    errors: int


class Target(NamedTuple):
    """One promise of issue 3: a figure of one line against the same figure of Envoy's."""

    what: str
    target: str
    connections: int
    figure: str
    limit: float
    at_least: bool


TARGETS = (
    Target("everything on: throughput at 16", "sidecar-everything", 16, "rate", 1.2, at_least=True),
    Target("everything on: added p50 at 1", "sidecar-everything", 1, "p50", 0.5, at_least=False),
    Target("everything on: added p99 at 16", "sidecar-everything", 16, "p99", 1.0, at_least=False),
    Target("pass-through: throughput at 16", "sidecar-pass-through", 16, "rate", 2.0, at_least=True),
)


def lines(cells: Iterable[Cell]) -> list[Line]:
    """Condense cells into lines, in the order in which they first appear."""
    groups: dict[tuple[str, int, str], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.payload, cell.connections, cell.target), []).append(cell)
    return [
        _line(group, groups[(payload, connections, DIRECT)])
        for (payload, connections, _), group in groups.items()
    ]


def _line(group: list[Cell], direct: list[Cell]) -> Line:
    first = group[0]
    proxied = first.target != DIRECT
    without = {cell.round: cell.load for cell in direct}

    def latency(of: Callable[[Load], float]) -> float:
        # Direct and proxied runs of one round lie seconds apart, so that a noisy minute hits both.
        return statistics.median(
            of(cell.load) - (of(without[cell.round]) if proxied else 0.0) for cell in group
        )

    def median(of: Callable[[Cell], float]) -> float | None:
        return statistics.median(map(of, group)) if proxied else None

    return Line(
        payload=first.payload,
        connections=first.connections,
        target=first.target,
        rate=statistics.median(cell.load.rate for cell in group),
        p50=latency(lambda load: load.p50),
        p99=latency(lambda load: load.p99),
        p999=latency(lambda load: load.p999),
        cpu_data_plane=median(lambda cell: cell.cpu_data_plane / cell.load.calls * 1000),
        cpu_whole=median(lambda cell: cell.cpu_whole / cell.load.calls * 1000),
        rss_data_plane=median(lambda cell: cell.rss_data_plane / MB),
        rss_whole=median(lambda cell: cell.rss_whole / MB),
        told=_share(group, lambda told: (told.records, told.calls)),
        scored=_share(group, lambda told: (told.scored, told.records)),
        errors=sum(cell.load.errors for cell in group),
    )


def _share(group: list[Cell], of: Callable[[Told], tuple[int, int]]) -> float | None:
    parts = [of(cell.told) for cell in group if cell.told is not None]
    return sum(part for part, _ in parts) / max(sum(whole for _, whole in parts), 1) if parts else None


def ratio(value: float | None, yardstick: float | None) -> float | None:
    """`value / yardstick`, where less than nothing counts as nothing; None without a positive yardstick."""
    if value is None or yardstick is None or yardstick <= 0:
        return None
    return max(value, 0.0) / yardstick


def table(all_lines: list[Line]) -> str:
    """The comparison as text: one block for each payload and number of connections."""
    out = []
    envoys = {(line.payload, line.connections): line for line in all_lines if line.target == YARDSTICK}
    block = None
    for line in all_lines:
        key = (line.payload, line.connections)
        if key != block:
            block = key
            out += [
                "",
                f"{line.payload}, {line.connections} connections".replace(" 1 connections", " 1 connection"),
            ]
            out.append(_HEADING)
        out.append(_row(line, envoys.get(key)))
    return "\n".join(out)


_HEADING = (
    f"  {'':<21}{'calls/s':>8}{'x':>7}{'p50 us':>9}{'x':>7}{'p99 us':>9}{'x':>7}{'p99.9 us':>10}{'x':>7}"
    f"{'CPU s/1k':>10}{'whole':>7}{'x':>7}{'RSS MB':>8}{'whole':>7}{'told':>6}{'scored':>8}"
)


def _row(line: Line, envoy: Line | None) -> str:
    def versus(figure: str) -> str:
        share = None
        if envoy is not None and line.target != DIRECT:
            share = ratio(getattr(line, figure), getattr(envoy, figure))
        return f"{'' if share is None else f'{share:.2f}':>7}"

    plus = "" if line.target == DIRECT else "+"
    text = f"  {line.target:<21}{line.rate:>8,.0f}{versus('rate')}"
    text += f"{line.p50:>{plus}9,.0f}{versus('p50')}{line.p99:>{plus}9,.0f}{versus('p99')}"
    text += f"{line.p999:>{plus}10,.0f}{versus('p999')}"
    if line.cpu_whole is not None:
        text += f"{line.cpu_data_plane:>10.3f}{line.cpu_whole:>7.3f}{versus('cpu_whole')}"
        text += f"{line.rss_data_plane:>8.1f}{line.rss_whole:>7.1f}"
    if line.told is not None and line.scored is not None:
        text += f"{line.told:>6.0%}{line.scored:>8.0%}"
    return text + (f"  {line.errors} ERRORS" if line.errors else "")


def stream_table(cells: Iterable[StreamCell], size: int) -> str:
    """Medians of the streams, extra memory as the worst of all rounds."""
    groups: dict[str, list[Stream]] = {}
    for cell in cells:
        groups.setdefault(cell.target, []).append(cell.stream)
    heading = f"  {'':<21}{'down MB/s':>10}{'up MB/s':>10}{'extra RSS MB':>14}{'whole':>7}"
    out = ["", f"stream of {size / MB:.0f} MB", heading]
    for target, streams in groups.items():
        down = statistics.median(stream.down_mb_per_s for stream in streams)
        up = statistics.median(stream.up_mb_per_s for stream in streams)
        extra = max(stream.extra_mb_data_plane for stream in streams)
        whole = max(stream.extra_mb_whole for stream in streams)
        out.append(f"  {target:<21}{down:>10,.0f}{up:>10,.0f}{extra:>14.1f}{whole:>7.1f}")
    return "\n".join(out)


def promises(all_lines: list[Line]) -> str:
    """Each target of issue 3 that was measured: its figure, its limit, and whether it held."""
    found = {(line.connections, line.target): line for line in all_lines if line.payload == "json"}
    out = []
    for promise in TARGETS:
        line = found.get((promise.connections, promise.target))
        envoy = found.get((promise.connections, YARDSTICK))
        if line is None or envoy is None:
            continue
        share = ratio(getattr(line, promise.figure), getattr(envoy, promise.figure))
        held = share is not None and (share >= promise.limit if promise.at_least else share <= promise.limit)
        bound = "at least" if promise.at_least else "at most"
        shown = "none" if share is None else f"{share:.2f}"
        verdict = "held" if held else "NOT HELD"
        out.append(f"  {promise.what:<34} {shown:>6} of Envoy's, {bound} {promise.limit:g}: {verdict}")
    return "\n".join(["", "targets", *out]) if out else ""
