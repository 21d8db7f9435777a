"""Pairs of several sidecars side by side: who asked whom, and within which call."""

from sidecar.cascade import Witness
from sidecar.cascade.stages import ANSWERS, models, name_of, within
from tests.cascade.chains import chain, pairs

SPEECH, INTENT, ACTION = chain(3)


def nested():
    """Speech asks intent while it answers, and intent asks action."""
    return [
        Witness("speech", (pairs(SPEECH[0], ACTION[1], "speech", 0.0, 0.9),)),
        Witness("intent", (pairs(INTENT[0], ACTION[1], "intent", 0.2, 0.5),)),
        Witness("action", (pairs(*ACTION, "action", 0.4, 0.1),)),
    ]


def test_a_model_that_asks_the_next_has_two_outputs():
    speech, intent, action = models(nested())
    assert [stage.part for stage in speech.stages] == ["questions to intent", ANSWERS]
    assert [stage.part for stage in intent.stages] == ["questions to action", ANSWERS]
    assert [stage.part for stage in action.stages] == [ANSWERS]
    sends, answers = speech.stages
    assert sends.rows[7].asked == tuple(SPEECH[0][7])
    assert sends.rows[7].answered == tuple(INTENT[0][7])
    assert answers.asked == ("x0", "x1", "intent: y0", "intent: y1")
    assert answers.rows[7].asked == (*SPEECH[0][7], *ACTION[1][7])


def test_a_chain_driven_by_its_caller_has_answers_only():
    told = [
        Witness("a", (pairs(*SPEECH, "a", 0.0, 0.1),)),
        Witness("b", (pairs(*INTENT, "b", 0.5, 0.1),)),
    ]
    assert [stage.part for model in models(told) for stage in model.stages] == [ANSWERS, ANSWERS]


def test_other_traces_are_other_calls():
    ours, theirs = pairs(*SPEECH, "a", 0.0, 0.9), pairs(*INTENT, "b", 0.2, 0.5, trace="other-{}")
    assert within(ours, theirs) == {}
    assert len(within(ours, pairs(*INTENT, "b", 0.2, 0.5))) == len(ours.rows)


def test_a_model_is_named_for_its_service():
    one, two = pairs(*SPEECH, "a"), pairs(*INTENT, "b")
    assert name_of(Witness("s", (one,)), one) == "s"
    assert name_of(Witness("s", (one, two)), two) == "s:b"
