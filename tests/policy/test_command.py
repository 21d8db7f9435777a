"""`sidecar check FILE...`: what is right is listed, what is wrong is told, each with the exit code for it."""

import json

from sidecar.cli import main
from sidecar.policy import keys
from tests.policy.documents import policy
from tests.policy.ready import DIRECTORY, FILES


def test_what_is_right_is_listed(tmp_path, capsys):
    file = tmp_path / "p.yaml"
    file.write_text(
        policy("{name: a, action: block, when: p < 0.1, dry-run: true}", "{name: b, action: tag}")
    )
    assert main(["check", str(file)]) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines()[0] == f"{file}: p: a (block, dry run), b (tag)"
    assert shown.out.splitlines()[1].startswith("in order; digest ")
    assert shown.err == ""


def test_what_is_wrong_is_told_line_by_line(tmp_path, capsys):
    file = tmp_path / "p.yaml"
    file.write_text(policy("{name: a, actoin: block}", more="expose: everyone"))
    assert main(["check", str(file)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == [
        f'sidecar: {file}:4:9: expose: "everyone" is unknown; expected one of caller, model, both, none',
        f'sidecar: {file}:6:5: rules[0]: "action" is missing; such as `action: block`',
        f'sidecar: {file}:6:15: rules[0].actoin: unknown key "actoin"; did you mean "action"?',
    ]


def test_warnings_do_not_fail(tmp_path, capsys):
    file = tmp_path / "p.yaml"
    file.write_text(policy("{name: a, action: tag, when: p > 1.0}"))
    assert main(["check", str(file)]) == 0
    assert "sidecar: warning: " in capsys.readouterr().err


def test_the_ready_made_ones_are_right_together_and_alone_without_a_warning(capsys):
    for paths in ([DIRECTORY], *([file] for file in FILES)):
        assert main(["check", *map(str, paths)]) == 0
        assert capsys.readouterr().err == ""


def test_the_schema_is_printed(capsys):
    assert main(["check", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out) == keys.schema()
