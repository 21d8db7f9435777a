"""What was found, in words that a person can check."""

import math

from sidecar.cascade import sentences
from sidecar.cascade.pairs import Finding, Moved, Onset


def finding(**changes):
    facts = {
        "model": "speech",
        "changed": True,
        "p": 0.001,
        "strength": 31.4,
        "pairs": 210,
        "support": 0.9,
        "part": "answers",
        "rows_before": 300,
        "rows_after": 100,
        "onset": Onset(1_763_910_000.0, 1_763_909_990.0, 1_763_910_005.0),
        "versions": ("1", "2"),
    }
    return Finding(**(facts | changes))


def test_a_changed_model_has_its_numbers_its_time_and_its_versions():
    lines = sentences.evidence("model", [finding()], [], [], [finding()])
    assert lines == (
        "speech (answers): 31.4 standard deviations over 210 pairs of like questions (p 0.001); 90% of the"
        " later questions had an earlier one like them",
        "speech changed between 2025-11-23T14:59:50Z and 2025-11-23T15:00:05Z",
        "speech calls itself version 2, before 1",
    )


def test_the_outside_world_has_its_columns():
    moved = tuple(Moved(f"x{i}", 0.5, 1e-9) for i in range(5))
    told = sentences.sentence("outside", "", [], [], [finding(asked_moved=moved)], [])
    assert "speech is asked moved (x0, x1, x2 and 2 more)" in told


def test_certainty_and_ignorance_are_words():
    assert "beyond doubt" in sentences.runner_up([finding(strength=math.inf)])
    assert "too few to compare" in sentences.runner_up([finding(pairs=0)])
    assert sentences.runner_up([]) == ""
    few = [finding(rows_before=40, rows_after=200), finding(rows_before=300, rows_after=90)]
    told = sentences.sentence("unknown", "", [], [], [], few)
    assert told == "Too few calls to say (2 models, 40 rows on the shorter side)."
