"""Medians, differences and ratios of the benchmark's table, on figures made up so that each is checkable."""

from __future__ import annotations

import pytest

from bench.rig.report import DIRECT, Cell, lines, promises, ratio, table
from bench.rig.wrk import Load, result


def _cell(number: int, target: str, calls: int, p50: float, cpu: float = 0.0) -> Cell:
    load = Load(calls=calls, seconds=2.0, p50=p50, p99=p50 * 2, p999=p50 * 3, longest=p50 * 4, errors=0)
    return Cell(number, "json", 16, target, load, cpu_whole=cpu, rss_data_plane=50_000_000)


CELLS = [
    *(_cell(0, DIRECT, 9000, 10.0), _cell(1, DIRECT, 9000, 20.0), _cell(2, DIRECT, 9000, 90.0)),
    *(
        _cell(0, "envoy", 2000, 110.0, 1.0),
        _cell(1, "envoy", 2000, 120.0, 1.0),
        _cell(2, "envoy", 2000, 190.0, 9.0),
    ),
    *(_cell(n, "sidecar-everything", 2500, p50, 0.5) for n, p50 in enumerate((60.0, 70.0, 140.0))),
]


def test_latency_is_added_to_the_direct_call_of_the_same_round() -> None:
    direct, envoy, sidecar = lines(CELLS)
    assert direct.p50 == 20.0
    assert envoy.p50 == 100.0
    assert sidecar.p50 == 50.0


def test_cpu_is_the_median_for_a_thousand_calls() -> None:
    direct, envoy, _ = lines(CELLS)
    assert direct.cpu_whole is None
    assert envoy.cpu_whole == pytest.approx(0.5)


def test_a_promise_is_held_against_envoy_and_can_fail() -> None:
    text = promises(lines(CELLS))
    assert "throughput at 16      1.25 of Envoy's, at least 1.2: held" in text
    slow = [cell for cell in CELLS if cell.target != "sidecar-everything"]
    slow += [_cell(n, "sidecar-everything", 2300, 60.0) for n in range(3)]
    assert "throughput at 16      1.15 of Envoy's, at least 1.2: NOT HELD" in promises(lines(slow))


def test_errors_stand_out_in_the_table() -> None:
    assert "ERRORS" not in table(lines(CELLS))
    broken = Load(calls=1, seconds=1.0, p50=1, p99=1, p999=1, longest=1, errors=3)
    assert "3 ERRORS" in table(lines([*CELLS, Cell(3, "json", 16, DIRECT, broken)]))


@pytest.mark.parametrize(
    ("value", "yardstick", "expected"),
    [(1.0, 2.0, 0.5), (-1.0, 2.0, 0.0), (1.0, -2.0, None), (None, 1.0, None)],
)
def test_ratio_of_noisy_figures(value: float | None, yardstick: float | None, expected: float | None) -> None:
    assert ratio(value, yardstick) == expected


def test_the_line_of_the_lua_script_is_found_among_what_wrk_prints() -> None:
    line = '{"calls": 8, "seconds": 2.0, "p50": 1.5, "p99": 2, "p999": 3, "longest": 4, "errors": 0}'
    assert result(f"Running 1s test\nRESULT {line}\n").rate == 4.0
