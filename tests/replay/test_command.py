"""What is said, and what is refused; whole runs are in tests/stories."""

from collections import Counter

import numpy as np
import pytest

from sidecar import cli
from sidecar.replay.command import sentences
from sidecar.replay.differences import differences
from sidecar.replay.sending import Outcome
from tests.replay.made import pairs


@pytest.fixture
def run(capsys):
    def run(*arguments):
        code = cli.main(["replay", *map(str, arguments)])
        return code, capsys.readouterr().err

    return run


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("nowhere", "--upstream", "http://127.0.0.1:1"), 2, "there are no captures"),
        (("nowhere", "--upstream", "candidate:8080"), 2, "is not a URL"),
        (("nowhere", "--upstream", "http://x", "--limit", "0"), 2, "must be more than 0"),
        (("nowhere", "--upstream", "http://x", "--admin", "http://127.0.0.1:1"), 1, "no answer"),
    ],
)
def test_what_cannot_be_done_is_said(run, arguments, code, complaint):
    found = run(*arguments)
    assert found[0] == code
    assert complaint in found[1]


def said(a, before, now):
    made = pairs(a, before, now)
    outcome = Outcome(made, Counter({"it failed": 2}), Counter({"status 503": 1}))
    return "\n".join(sentences(outcome, differences(made, 1e-6), 1e-6))


def test_equal_answers_are_said_to_be_equal():
    a = np.arange(50.0)
    words = said(a, a, a)
    assert words.startswith("Compared 50 calls.\nNot asked again: 2 because it failed.")
    assert "The candidate failed: 1 because status 503." in words
    assert "No answer differs" in words


def test_differences_are_told_with_their_intervals_and_places():
    a = np.arange(400.0)
    words = said(a, np.zeros(400), np.where(a >= 300, 1.0, 0.0) + 0.001 * np.sin(a))
    assert "y, all 400 rows: " in words
    assert "mean 0 -> 0.25, difference +0.25 (" in words
    assert "y where 299.2 <= a (100 rows): 100.00% differ" in words


def test_names_cannot_steer_a_terminal():
    made = pairs(np.zeros(20), np.zeros(20), np.ones(20), model="\x1b[2J")
    made[0].call["version"] = "2"
    told = sentences(Outcome(made, Counter(), Counter()), differences(made, 1e-6), 1e-6)
    assert "\x1b" not in "".join(told)
