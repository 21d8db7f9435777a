"""What is sent and said; whole runs are in tests/stories."""

import msgspec
import pytest

from sidecar import cli
from sidecar.labels import command
from tests.labels.test_parquet import TWO
from tests.test_asking import answering

ANSWER = b"""{"outcomes": {"joined": 1, "contradictory": 1},
"problems": [{"id": "b\\u001b", "row": 2, "outcome": "late"}]}"""


@pytest.fixture
def run(capsys):
    def run(*arguments):
        code = cli.main(["labels", *map(str, arguments)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.csv", b"id,label,row,time\na,1,0,\nb,cat,2,1763910000\n"),
        ("x.parquet", TWO),
        ("x.json", b'[{"id":"a","label":1},{"id":"b","row":2,"label":"cat","time":1763910000}]'),
    ],
)
def test_every_format_is_sent_as_json_lines(run, tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with answering(ANSWER) as (url, heard):
        code, out, _ = run("push", tmp_path / name, "--admin", url)
    assert code == 0
    assert heard.paths == ["/api/v1/labels"]
    first, second = map(msgspec.json.decode, heard.bodies[0].splitlines())
    assert first == {"id": "a", "row": 0, "label": 1.0}
    assert second == {"id": "b", "row": 2, "label": "cat", "time": "2025-11-23T15:00:00+00:00"}
    assert "Pushed 2 labels." in out
    assert "1 contradict a label" in out
    assert "Note: b? row 2: late" in out, "callers' ids mustn't steer a terminal"


def test_a_long_file_is_sent_in_parts(run, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "PART", 2)
    (tmp_path / "x.csv").write_bytes(b"call,y\na,1\nb,\nc,2\nd,3\n")
    with answering(ANSWER) as (url, heard):
        _, out, _ = run(
            "push", tmp_path / "x.csv", "--admin", url, "--id-column", "call", "--label-column", "y"
        )
    assert [len(body.splitlines()) for body in heard.bodies] == [2, 1]
    assert "2 found the row" in out
    assert "1 rows had no label yet" in out


@pytest.mark.parametrize(
    ("name", "content", "code", "told"),
    [
        ("x.csv", b"id,label\na\n", 1, "line 2: 1 fields"),
        ("x.txt", b"", 2, "cannot tell the format"),
        ("none.csv", None, 1, "cannot be read"),
    ],
)
def test_a_wrong_file_is_named_before_anything_is_sent(run, tmp_path, name, content, code, told):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    found, out, err = run("push", tmp_path / name, "--admin", "http://127.0.0.1:1")
    assert (found, out) == (code, "")
    assert told in err
    assert name in err


def test_every_outcome_has_a_sentence():
    from typing import get_args

    from sidecar.observer.truth.ledger import Outcome

    assert set(command.MEANING) == set(get_args(Outcome))
