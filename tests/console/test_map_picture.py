import re

import msgspec

from sidecar.console import cohort_view
from sidecar.console.map_picture import HEIGHT, WIDTH, colour, svg
from tests.console.admin import asked
from tests.console.seen import HOSTILE, check

CHART = {
    "reference": [(0.0, 0.0), (1.0, 2.0)],
    "clean": [{"at": [0.5, 1.0]}],
    "flagged": [{"at": [1.0, 0.0], "cohort": 7}, {"at": [0.0, 2.0], "cohort": None}],
}


def points(picture):
    """The points of each path by its class."""
    return {
        kind: [(int(x), int(y)) for x, y in re.findall(r"M(-?\d+) (-?\d+)h0", path)]
        for kind, path in re.findall(r'<path class="(\w+)" d="([^"]*)"', picture)
    }


def test_every_row_is_a_point_of_its_kind_with_up_up_and_right_right():
    left, right, bottom, top = 12, WIDTH - 12, HEIGHT - 12, 12
    assert points(svg(CHART)) == {
        "reference": [(left, bottom), (right, top)],
        "clean": [(WIDTH // 2, HEIGHT // 2)],
        "single": [(left, top)],
        "cohort1": [(right, bottom)],
    }


def test_without_rows_there_is_no_picture_and_rows_in_one_place_are_no_error():
    assert svg({"reference": [], "clean": [], "flagged": []}) == ""
    same = {"reference": [(1.0, 1.0), (1.0, 1.0)], "clean": [], "flagged": []}
    assert points(svg(same)) == {"reference": [(12, HEIGHT - 12)] * 2}


async def test_cohorts_and_their_map_share_their_colours(grouped):
    async with asked(grouped) as client, client.get("/outliers") as answer:
        page = await answer.text()
    first = grouped.cohorts.found.cohorts[0]
    drawn = points(page)
    assert len(drawn[colour(first.id)]) == len(first.group.members)
    assert len(drawn["clean"]) == len(cohort_view.chart(grouped, 500)["clean"])
    assert f'<span class="{colour(first.id)}"' in page


def test_the_script_can_tell_which_row_a_point_is():
    (x0, y0, sx, sy) = (
        float(re.search(f'data-{name}="([^"]+)"', svg(CHART))[1]) for name in ("x0", "y0", "sx", "sy")
    )
    assert (x0, y0) == (0.0, 0.0)
    assert round(12 + (1.0 - x0) * sx) == WIDTH - 12
    assert round(12 + (2.0 - y0) * sy) == HEIGHT - 12


async def test_what_callers_call_things_does_not_get_into_the_page_as_markup(grouped):
    (first, *others) = grouped.cohorts.found.cohorts
    trait = msgspec.structs.replace(first.group.traits[0], words=f"country = {HOSTILE}")
    group = msgspec.structs.replace(first.group, traits=(trait,))
    changed = (msgspec.structs.replace(first, group=group), *others)
    grouped.cohorts.found = msgspec.structs.replace(grouped.cohorts.found, cohorts=changed)
    async with asked(grouped) as client, client.get("/outliers") as answer:
        assert HOSTILE in check(await answer.text()).words
