import re

import msgspec

from sidecar.console import cohort_view
from sidecar.console.map_picture import HEIGHT, WIDTH, colour, svg
from sidecar.console.page import STYLE, render
from sidecar.observer.observer import Observer
from tests.console.test_page import ALLOWED, HOSTILE, Seen
from tests.observer.test_observer import settings

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
    assert "<svg" not in render(Observer(settings()))


def test_cohorts_and_their_map_stand_on_the_page_and_share_their_colours(grouped):
    page = render(grouped)
    first = grouped.cohorts.found.cohorts[0]
    seen = Seen(page)
    assert seen.open == []
    assert seen.tags() <= ALLOWED
    assert first.group.traits[0].words in seen.words
    drawn = points(page)
    assert len(drawn[colour(first.id)]) == len(first.group.members)
    assert len(drawn["clean"]) == len(cohort_view.chart(grouped, 400)["clean"])
    assert f'<span class="{colour(first.id)}">' in page
    styled = set(re.findall(r"\.(\w+) \{ color", STYLE.read_text(encoding="utf-8")))
    assert set(drawn) <= styled


def test_what_callers_call_things_does_not_get_into_the_page_as_markup(grouped):
    (first, *others) = grouped.cohorts.found.cohorts
    trait = msgspec.structs.replace(first.group.traits[0], words=f"country = {HOSTILE}")
    group = msgspec.structs.replace(first.group, traits=(trait,))
    changed = (msgspec.structs.replace(first, group=group), *others)
    grouped.cohorts.found = msgspec.structs.replace(grouped.cohorts.found, cohorts=changed)
    seen = Seen(render(grouped))
    assert HOSTILE in seen.words
    assert seen.tags() <= ALLOWED
