import re

from sidecar.console.pages.chain_pictures import (
    GAP_X,
    LABEL,
    MARGIN,
    WIDE,
    graph,
    onsets,
    ordered,
    stretch,
    waterfall,
)
from tests.console.pages.test_chain import ANSWER
from tests.console.seen import HOSTILE, check


def edge(source, target):
    return {"source": source, "target": target, "calls": 10}


def lefts(picture):
    boxes = re.findall(r'<rect x="(\d+)".*?<text class="who"[^>]*>([^<]*)<', picture)
    return {name: int(x) for x, name in boxes}


def test_models_stand_from_left_to_right_as_calls_go():
    places = lefts(graph("c", [edge("b", "c"), edge("a", "b"), edge("a", "c")], None))
    assert places == {"a": MARGIN, "b": MARGIN + WIDE + GAP_X, "c": MARGIN + 2 * (WIDE + GAP_X)}


def test_a_circle_of_models_and_a_model_alone_are_drawn_too():
    check(graph("a", [edge("a", "b"), edge("b", "a"), edge("a", "a")], None))
    assert lefts(graph("alone", [], None)) == {"alone": MARGIN}


def test_the_origin_and_who_suffers_are_marked_and_names_are_text():
    picture = graph("intent", [edge(HOSTILE, "intent")], ANSWER)
    assert 'class="box origin"' in picture
    assert 'class="box ours suffers"' in picture
    assert "script" not in check(picture).tags()


def test_onsets_share_one_line_of_time():
    assert onsets({"models": []}) == ""
    assert stretch({"models": []}) == (0.0, 0.0)
    assert stretch(ANSWER) == (1_763_910_050.0, 1_763_910_070.0)
    seen = check(onsets(ANSWER))
    assert [a["class"] for tag, a in seen.elements if tag == "rect"] == ["onset origin"]
    assert "intent" in seen.words


def test_models_are_told_in_the_order_in_which_calls_go():
    backwards = {**ANSWER, "models": ANSWER["models"][::-1]}
    assert [one["model"] for one in ordered(backwards)] == ["speech", "intent"]


def test_a_name_that_is_too_long_ends_with_dots():
    span = {
        "service": "a",
        "name": "b" * 80,
        "verdict": "normal",
        "status": 200,
        "start": 0.0,
        "seconds": 1.0,
    }
    words = check(waterfall([span])).words
    assert f"a: {'b' * (LABEL - 4)}…a: {'b' * 80}" in words, "what was left out stands in the title"


def test_a_waterfall_is_as_long_as_its_spans():
    span = {"service": HOSTILE, "name": "POST /x", "verdict": "normal", "status": 200}
    whole, part = (
        {**span, "start": 100.0, "seconds": 2.0},
        {**span, "name": "the model", "start": 101.0, "seconds": 0.5},
    )
    seen = check(waterfall([whole, part]))
    widths = [float(a["width"]) for tag, a in seen.elements if tag == "rect"]
    assert widths[0] == 4 * widths[1]
