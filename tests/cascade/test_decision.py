"""Who broke the chain: every row of the table, on small chains with a known answer."""

import msgspec
import pytest

from sidecar.cascade import Replayed, Witness, answer
from sidecar.cascade.decision import concluded, downstream, ranked, split
from sidecar.cascade.pairs import EdgeFinding, Finding, Onset
from sidecar.cascade.stages import Told
from tests.cascade.chains import CALLS, CHANGED, chain, pairs, witnesses


@pytest.mark.parametrize("drift", [False, True])
def test_the_changed_model_is_named_and_those_behind_it_suffer(drift):
    found = answer(witnesses(chain(3, broken=1, drift=drift)))
    assert (found.verdict, found.origin) == ("model", "intent")
    assert abs(found.since - CHANGED) < 10
    assert found.suffers == ("action",)
    assert found.sentence.startswith("intent changed at about 1970-01-01T00:0")
    assert found.runner_up.startswith(("speech:", "action:"))


def test_a_changed_world_is_nobodys_fault():
    found = answer(witnesses(chain(3, drift=True)))
    assert (found.verdict, found.origin, found.suffers) == ("outside", "", ())
    assert "What speech is asked moved (x0" in found.sentence


def test_nothing_happened():
    assert answer(witnesses(chain(3))).verdict == "nothing"


def test_a_model_that_asks_the_next_is_blamed_for_its_question_and_the_next_for_its_answer():
    def nested(broken):
        first, last = chain(2, broken=broken)
        return [
            Witness("speech", (pairs(first[0], last[1], "speech", 0.0, 0.9),)),
            Witness("intent", (pairs(*last, "intent", 0.2, 0.5),)),
        ]

    blamed = answer(nested(0))
    assert (blamed.origin, blamed.models[0].part) == ("speech", "questions to intent")
    assert answer(nested(1)).origin == "intent"


def test_what_lies_between_two_models_may_be_to_blame():
    told = witnesses(chain(2))
    rows = tuple(
        msgspec.structs.replace(row, asked=(row.asked[0], 1000.0 * row.asked[1]))
        if row.began >= CHANGED
        else row
        for row in told[1].pairs[0].rows
    )
    between = msgspec.structs.replace(told[1].pairs[0], rows=rows)
    found = answer([told[0], Witness("intent", (between,), told[1].edges)])
    assert (found.verdict, found.origin) == ("edge", "speech -> intent")


def test_old_questions_asked_again_are_believed_over_everything():
    told = witnesses(chain(3, broken=1))
    again = {
        "speech": Replayed(same=6, different=2, steady=True, same_until=250.0, different_since=260.0),
        "intent": Replayed(same=8, different=0, steady=True, same_until=399.0),
    }
    found = answer([msgspec.structs.replace(one, replayed=again.get(one.service)) for one in told])
    assert (found.origin, found.since) == ("speech", 260.0)
    assert not found.models[1].changed
    assert "2 of 8 old questions asked again are answered otherwise" in " ".join(found.evidence)


def test_an_unsteady_model_proves_nothing_by_answering_otherwise():
    told = witnesses(chain(3))
    shaky = Replayed(same=2, different=6, steady=False, different_since=260.0)
    assert answer([msgspec.structs.replace(told[0], replayed=shaky), *told[1:]]).verdict == "nothing"


def test_before_and_after_may_be_said():
    found = answer(witnesses(chain(3, broken=0)), since=float(CHANGED))
    assert (found.origin, found.models[0].rows_before) == ("speech", CHANGED)


def test_too_few_calls_are_too_few():
    told = witnesses([(asked[:50], answered[:50]) for asked, answered in chain(3, broken=0)])
    found = answer(told)
    assert found.verdict == "unknown"
    assert "Too few calls" in found.sentence
    assert answer([]).verdict == "unknown"


def finding(name, strength, at=None, **more):
    onset = Onset(at, at - 5.0, at + 5.0) if at is not None else None
    changed = strength >= 8.0
    return Finding(name, changed, 0.001, strength, 300, 0.9, "answers", 300, 100, onset, **more)


def test_of_several_the_first_is_named_if_that_is_beyond_doubt_else_the_strongest():
    early, late = finding("a", 70.0, 100.0), finding("b", 90.0, 200.0)
    assert [one.model for one in ranked([late, early])] == ["a", "b"]
    doubtful = finding("a", 50.0, 195.0)
    assert [one.model for one in ranked([late, doubtful])] == ["b", "a"]
    spill = finding("a", 10.0, 100.0)
    assert [one.model for one in ranked([late, spill])] == ["b", "a"]


def test_a_changed_model_goes_before_a_broken_edge():
    broken = [EdgeFinding("a", "b", (("y", "x"),), (("y", "x"),))]
    links = [("a", "b"), ("b", "c")]
    found = concluded([finding("a", 0.5), finding("b", 50.0, 100.0)], broken, links)
    assert (found.verdict, found.origin) == ("model", "b")
    assert concluded([finding("a", 0.5), finding("b", 0.5)], broken, links).verdict == "edge"


def test_everything_behind_a_model_is_downstream_also_around_a_loop():
    links = [("a", "b"), ("b", "c"), ("c", "a"), ("x", "a")]
    assert downstream("a", links) == {"b", "c"}


def test_without_a_moment_the_older_half_meets_the_latest_quarter():
    rows = [Told(float(t), (), ()) for t in range(CALLS)]
    before, after = split(rows, 0.0)
    assert (before[0].began, before[-1].began) == (0.0, CALLS / 2 - 1)
    assert (after[0].began, after[-1].began) == (0.75 * CALLS, CALLS - 1.0)
