"""`sidecar cascade`: what it prints, and what it refuses."""

import json
from contextlib import ExitStack

import msgspec
import pytest

from sidecar.cli import main
from tests.cascade.chains import chain, witnesses
from tests.test_asking import answering


@pytest.fixture
def sidecars():
    """The admin addresses of a chain whose second model changed."""
    with ExitStack() as stack:
        told = witnesses(chain(3, broken=1))
        yield [stack.enter_context(answering(msgspec.json.encode(one)))[0] for one in told]


def test_the_culprit_its_evidence_and_who_suffers(sidecars, capsys):
    assert main(["cascade", *sidecars]) == 0
    said = capsys.readouterr().out
    assert said.startswith("intent changed at about 1970-01-01T00:0")
    assert "standard deviations over" in said
    assert "Suffers from it: action." in said
    assert "Next to be suspected: " in said
    assert [line.split()[:2] for line in said.splitlines()[-3:]] == [
        ["speech", "no"],
        ["intent", "yes"],
        ["action", "no"],
    ]


def test_everything_as_json_and_who_was_not_heard(sidecars, capsys):
    assert main(["cascade", *sidecars, "http://127.0.0.1:1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["origin"]) == ("model", "intent")
    assert len(found["models"]) == 3
    assert "127.0.0.1:1" in found["missing"][0]


def test_nobody_there(capsys):
    assert main(["cascade", "http://127.0.0.1:1"]) == 1
    assert "no answer" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "no sidecar to ask"),
        (["http://a:1", "--since", "yesterday"], "is not a time such as 2026-01-31T12:00:00Z"),
        (["http://a:1", "--since", "2026-01-31T12:00:00"], "say also in which zone"),
    ],
)
def test_bad_arguments_are_refused(arguments, words, capsys):
    assert main(["cascade", *arguments]) == 2
    assert words in capsys.readouterr().err
