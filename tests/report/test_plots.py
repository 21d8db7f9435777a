"""Pictures are well-formed, keep their points inside, and have nothing in them that could run."""

import re
from xml.etree import ElementTree

import pytest

from sidecar.report.plots import (
    HEIGHT,
    LEFT,
    RIGHT,
    WIDTH,
    Line,
    Stretch,
    bars,
    lines,
    moment,
    rates,
    timeline,
)

NASTY = '"><script>alert(1)</script>&'


def numbers(path):
    return [tuple(map(float, pair)) for pair in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path)]


def test_a_line_runs_from_edge_to_edge_with_its_gaps_and_levels():
    drawn = ElementTree.fromstring(lines([Line("inputs", [(0, 0.0), (5, 2.0), (6, None), (10, 4.0)])], [3.0]))
    paths = {path.get("class"): path.get("d") for path in drawn.iter("path")}
    points = numbers(paths["inputs"])
    assert points[0][0] == LEFT
    assert points[-1][0] == WIDTH - RIGHT
    assert points[0][1] > points[1][1] > points[2][1], "more is higher up"
    assert paths["inputs"].count("M") == 2, "a gap is a gap"
    assert all(0 <= y <= HEIGHT for _, y in points)
    assert paths["level"].startswith(f"M{LEFT} ")
    assert moment(10) in "".join(drawn.itertext())


@pytest.mark.parametrize("points", [[], [(1.0, 2.0)], [(1.0, None), (2.0, None)]])
def test_too_little_is_no_picture(points):
    assert lines([Line("inputs", points)]) == ""


def test_a_constant_line_is_drawn_too():
    assert ElementTree.fromstring(lines([Line("calls", [(0, 0.0), (1, 0.0)])])) is not None


def test_a_time_line_covers_all_the_time_and_names_its_parts():
    drawn = ElementTree.fromstring(
        timeline(
            [
                Stretch(0, 60, "stable", "stable"),
                Stretch(60, 61, "drift", NASTY),
                Stretch(61, 100, "stable", "x"),
            ]
        )
    )
    rectangles = list(drawn.iter("rect"))
    widths = [float(one.get("width")) for one in rectangles]
    assert [one.get("class") for one in rectangles] == ["stable", "drift", "stable"]
    assert widths[0] / widths[2] == pytest.approx(60 / 39, rel=0.05)
    assert widths[1] >= 1.5, "a short drift can be seen"
    assert rectangles[1].find("title").text.startswith(NASTY)


def test_bars_stand_beside_the_reference():
    drawn = ElementTree.fromstring(bars([0.5, 0.5, 0.0], [0.0, 0.25, 0.75], NASTY))
    heights = [float(one.get("height")) for one in drawn.iter("rect")]
    assert len(heights) == 2
    assert heights[1] / heights[0] == pytest.approx(3, rel=0.01)
    assert drawn.get("aria-label").startswith(NASTY)
    assert bars([0.0], [0.0], "x") == ""


def test_rates_are_by_the_minute_and_none_where_a_total_began_anew():
    assert rates([(0, 0), (30, 10), (90, 70), (120, 5)]) == [(30, 20.0), (90, 60.0), (120, None)]
