"""`sidecar query` from the command line."""

import sys

import pytest

from sidecar.cli import main
from tests.capture.test_reading import place as place


def test_it_prints_the_answer(place, capsys):
    assert main(["query", "select count(*) as n from calls", "--at", str(place), "--format", "csv"]) == 0
    assert capsys.readouterr().out == "n\n4\n"


def test_errors(place, capsys):
    assert main(["query", "select nothing from calls", "--at", str(place)]) == 2
    assert capsys.readouterr().err.startswith("sidecar: query: Binder Error")
    assert main(["query", "select 1"]) == 2
    assert "--at" in capsys.readouterr().err


def test_a_missing_package(place, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    assert main(["query", "select 1", "--at", str(place)]) == 1
    assert "`capture`" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["table", "json"])
def test_other_formats(place, capsys, form):
    assert main(["query", "select id from calls limit 1", "--at", str(place), "--format", form]) == 0
    assert "call-1" in capsys.readouterr().out
