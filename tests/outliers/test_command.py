"""What is said, and what is refused; whole runs are in tests/stories."""

import json

import pytest

from sidecar import cli
from sidecar.outliers.admin import Cohort, Cohorts, Example, Singles
from sidecar.outliers.command import listed
from tests.test_asking import answering

ROWS = b"""{"id": 3, "fields": [{"name": "a", "kind": "number"}], "rows": [{"id": "call-1", "row": 0,
"time": "2026-11-23T17:03:12.588Z", "p": 0.004, "model": "m", "version": "", "values": [1.5]}]}"""


@pytest.fixture
def run(capsys):
    def run(*arguments):
        code = cli.main(["outliers", *map(str, arguments)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def found(**changes):
    example = Example("call-1", 0, "2026-11-23T17:03:12.588Z", 0.004)
    one = Cohort(
        3,
        'country = "XX" (clean: 0 %); amount between 900 and 1,200 (clean: 10 to 80)',
        1234.5,
        100,
        0.51,
        0.0123,
        "2026-11-23T17:03:12.588Z",
        "2026-11-23T18:00:00.000Z",
        (example, example),
    )
    facts = {
        "baseline": "abc",
        "failure": "",
        "note": "",
        "rows_kept": 100,
        "searched": "2026-11-23T18:00:01.000Z",
        "cohorts": (one,),
        "singles": Singles(7),
        "since": "2026-11-23T17:00:00.000Z",
        "rows_scored": 100_000,
        "rows_flagged": 2400,
        "rows_flagged_if_clean": 1000.0,
    }
    return Cohorts(**facts | changes)


def test_cohorts_are_told_to_a_person():
    assert listed(found()) == [
        "2,400 of 100,000 rows were flagged since 2026-11-23T17:00:00Z;"
        " of clean rows about 1,000 would have been.",
        "",
        "cohort 3: 1,234 rows, 51% of those flagged, 1.23% of all; 2026-11-23T17:03:12Z to"
        " 2026-11-23T18:00:00Z",
        '    country = "XX" (clean: 0 %); amount between 900 and 1,200 (clean: 10 to 80)',
        "    for example call-1",
        "",
        "singles: 7 rows that are like no others",
    ]


def test_nothing_found_and_failures_are_told_too():
    assert listed(found(searched=None, note="3 flagged rows are kept, and a search takes 20")) == [
        "No cohorts: 3 flagged rows are kept, and a search takes 20."
    ]
    assert listed(found(failure="no scikit-learn"))[0] == "Note: the last search failed: no scikit-learn"


def test_callers_do_not_get_to_steer_the_terminal(run):
    body = b"""{"baseline": "", "failure": "\\u001b[2J", "note": "", "rows_kept": 0, "searched": null,
    "cohorts": [], "singles": {"rows_kept": 0}}"""
    with answering(body) as (url, _):
        code, out, _ = run("list", "--admin", url)
    assert code == 0
    assert "?[2J" in out
    assert "\x1b" not in out


def test_rows_are_written_and_counted(run, tmp_path):
    with answering(ROWS) as (url, heard):
        code, out, err = run("export", "--admin", url, "--cohort", "3", "-o", tmp_path / "add.csv")
        assert (code, out, err) == (0, f"Wrote 1 row of cohort 3 to {tmp_path / 'add.csv'}.\n", "")
        assert (tmp_path / "add.csv").read_text().splitlines()[1].startswith("1.5,call-1,0,2026-")
        assert heard.paths == ["/api/v1/cohorts/3"]
        again = ("export", "--admin", url, "--cohort", "3", "-o", tmp_path / "add.csv", "--fields-only")
        assert run(*again)[0] == 2
        assert run(*again, "--force")[0] == 0
    assert (tmp_path / "add.csv").read_text() == "a\n1.5\n"


def test_several_cohorts_are_written_together_and_each_row_says_whose_it_is(run, tmp_path):
    file = tmp_path / "add.jsonl"
    with answering(ROWS) as (url, heard):
        said = run("export", "--admin", url, "--cohort", "3, 5", "-o", file)
    assert said == (0, f"Wrote 2 rows of cohorts 3 and 3 to {file}.\n", ""), "the server says 3 to all"
    assert heard.paths == ["/api/v1/cohorts/3", "/api/v1/cohorts/5"]
    assert [json.loads(line)["sidecar_cohort"] for line in file.read_text().splitlines()] == ["3", "3"]


def test_a_cohort_without_rows_is_not_written(run, tmp_path):
    with answering(b'{"id": 3, "fields": [], "rows": []}') as (url, _):
        code, _, err = run("export", "--admin", url, "--cohort", "3", "-o", tmp_path / "add.csv")
    assert (code, "cohort 3 has no rows" in err) == (1, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "the following arguments are required: list|export"),
        (("lst",), "argument list|export: invalid choice: 'lst'"),
        (("export",), "export needs --cohort N; `sidecar outliers list` shows the cohorts"),
        (("export", "--cohort", "3"), "export needs -o FILE"),
        (("export", "--cohort", "3", "-o", "add.xls"), "-o add.xls: cannot tell the format"),
        (("export", "--cohort", "3", "-o", "pyproject.toml"), "pyproject.toml: exists already"),
        (("list", "--admin", "here"), "--admin here: is not a URL"),
    ],
)
def test_usage_errors(run, arguments, words):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert words in err
