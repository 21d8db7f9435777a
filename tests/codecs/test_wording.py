"""What is said of an answer: lengths, repetition, refusals, writing systems."""

import pytest

from sidecar.codecs.wording import length, refuses, repetition, script


def test_length_is_in_powers_of_two():
    assert [length(""), length("a"), length("abc")] == [0.0, 1.0, 2.0]


def test_repetition_is_the_share_of_runs_that_came_before():
    assert repetition("") == repetition("one two three four") == 0.0
    assert repetition("one two three four five six") == 0.0
    assert repetition("go on and on " * 50) > 0.9
    assert repetition("a b c d a b c d") == pytest.approx(1 / 5)


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I\u2019m sorry, but I can\u2019t assist with that request.",
        "I cannot provide instructions for this.",
        "Sorry, I am not able to do that.",
        "Unfortunately, I won't be able to share this.",
        "As an AI language model, I cannot have opinions.",
        "I'm unable to help.",
        "Es tut mir leid, dabei kann ich nicht helfen.",
        "Je suis désolé, je ne peux pas vous aider.",
        "Lo siento, no puedo ayudar con eso.",
    ],
)
def test_common_refusals_are_known(text):
    assert refuses(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I can help with that.",
        "The cat is sorry, but it can't open the door.",
        "I'm sorry to hear that! Here is what you can do.",
        "I cannot stress enough how good bread is.",
        "You said: I can't help",
    ],
)
def test_other_answers_are_none(text):
    assert not refuses(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("hello", "latin"), ("привет hi", "cyrillic"), ("γειά", "greek"), ("مرحبا", "arabic"),
        ("שלום", "hebrew"),
        ("नमस्ते", "devanagari"), ("สวัสดี", "thai"), ("你好", "han"), ("漢字かな", "kana"),
        ("안녕", "hangul"), ("123 !?", "none"),
    ],
)  # fmt: skip
def test_writing_systems_are_told_apart(text, name):
    assert script(text) == name
