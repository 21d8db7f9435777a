"""Every mistake of the table is told with its place; right documents become rules; some right ones are
warned of."""

from itertools import pairwise

import pytest

from sidecar.policy.checking import MOST_RULES, check, check_text
from sidecar.policy.rules import Match
from tests.policy import wrong
from tests.policy.documents import policy

ROWS = {f"{group}: {row.lines}": row for group, rows in wrong.GROUPS.items() for row in rows}


def warnings(text: str) -> list[str]:
    checked = check_text(text, "p.yaml")
    assert checked.policies is not None, checked.wrong
    return [str(one) for one in checked.warnings]


# -- what is wrong -----------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_wrong_document(row):
    checked = check_text(row.text, "p.yaml")
    assert checked.policies is None
    assert "\n".join(map(str, checked.wrong)) == row.error


def test_the_table_is_long_enough_and_no_two_rows_are_one():
    assert len(ROWS) == sum(map(len, wrong.GROUPS.values())) >= 60


def test_the_page_has_the_table():
    text = wrong.DOCUMENT.read_text(encoding="utf-8")
    assert wrong.documented(text) == text, "run: python -m tests.policy.wrong"


def test_all_that_is_wrong_is_told_at_once_in_the_order_of_the_file():
    checked = check_text(
        policy("{name: a, action: deny}", "{nme: b, action: tag}", more="expose: all"), "p.yaml"
    )
    assert [(one.line, one.column) for one in checked.wrong] == [(4, 9), (6, 23), (7, 5), (7, 6)]


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "latin.yaml").write_bytes(b"description: caf\xe9\n")
    (tmp_path / "large.yaml").write_text("#" * 1_048_577)
    (tmp_path / "empty").mkdir()
    for name, said in {
        "latin.yaml": "is not UTF-8: byte 16",
        "large.yaml": "has 1048577 bytes; at most 1048576 are read",
        "empty": "holds no file called *.yaml or *.yml",
        "none.yaml": "cannot be read: No such file or directory",
    }.items():
        (one,) = check(tmp_path / name).wrong
        assert said in str(one)
        assert str(one).startswith(str(tmp_path / name))


def test_there_is_an_end_to_rules():
    rules = [f"{{name: r{i}, action: tag}}" for i in range(MOST_RULES + 1)]
    (one,) = check_text(policy(*rules)).wrong
    assert one.sentence == f"rules[{MOST_RULES}]: more than {MOST_RULES} rules in all"


def test_expressions_that_are_too_long_or_too_deep():
    for expression, said in {
        "p < 0.1 || " * 400 + "p < 0.1": "characters, at most 4096 are allowed",
        "rows > " + "rows + (" * 45 + "1" + ")" * 45: "is nested too deep",
    }.items():
        (one,) = check_text(policy(f"{{name: a, when: '{expression}', action: tag}}")).wrong
        assert said in one.sentence


def test_aliases_that_multiply_do_not_fill_the_memory():
    names = "abcdefghijklmnop"
    bomb = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in pairwise(names))
    assert len(check_text(bomb).wrong) == len(names) + 3  # each an unknown key; and three that are missing


# -- what is right -----------------------------------------------------------------------------------


def test_a_document_becomes_a_policy():
    text = policy(
        "{name: first, when: p < 0.001, action: block, status: 422, fail: closed}",
        "{name: second, action: tag, label: all, dry-run: true, expose: none}",
        more="description: Just so.\nexpose: model\nthreshold: 0.005\ndeadline: 20ms\n"
        "match: {path: /v2/*, method: [POST, PUT], headers: {X-Team: red}}",
    )
    checked = check_text(text, "p.yaml")
    assert checked.wrong == ()
    (one,) = checked.policies.policies
    assert (one.name, one.file, one.description) == ("p", "p.yaml", "Just so.")
    assert (one.expose, one.threshold, one.deadline) == ("model", 0.005, 0.02)
    assert one.match == Match((), ("/v2/*",), ("POST", "PUT"), (), {"x-team": ("red",)})
    first, second = one.rules
    assert (first.name, first.action, first.status, first.closed, first.text) == (
        "first", "block", 422, True, "p < 0.001",
    )  # fmt: skip
    assert (second.label, second.dry_run, second.expose, second.closed) == ("all", True, "none", False)
    assert (second.when.kind, second.when.value) == ("const", True)


def test_a_directory_is_read_in_the_order_of_names(tmp_path):
    for name in ("20-b.yaml", "10-a.yml", ".hidden.yaml", "notes.txt"):
        (tmp_path / name).write_text(policy(more="expose: none").replace("name: p", f"name: p{name[:2]}"))
    assert [one.name for one in check(tmp_path).policies.policies] == ["p10", "p20"]


def test_the_digest_is_of_what_is_said_and_not_of_where():
    one, other = (
        check_text(policy(more="expose: none"), "a.yaml"),
        check_text(policy(more="expose: none"), "b.yaml"),
    )
    assert one.policies.digest == other.policies.digest
    assert one.policies.digest != check_text(policy(more="expose: both")).policies.digest


# -- warnings ----------------------------------------------------------------------------------------


def test_warnings_come_with_their_place_and_stop_nothing():
    assert warnings(policy("{name: a, when: p > 1.0, action: tag}")) == [
        "p.yaml:6:5: rules[0] (a): can never fire: its condition never holds"
    ]
    assert warnings(policy()) == ["p.yaml:1:1: says nothing about calls; add `rules` or `expose`"]
    assert warnings(policy("{name: a, when: p < 0.5, action: tag}")) == []
