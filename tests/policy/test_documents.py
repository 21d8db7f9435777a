"""Places: line and column of whatever is wrong, however the YAML is written."""

import pytest

from sidecar.policy.checking import check_text
from sidecar.policy.documents import MOST_SAID, files, nearest
from tests.policy.documents import policy
from tests.policy.wrong import HEAD

STYLES = {
    "plain": ("when: p < 0.1 && oops", 6, 22),
    "plain over two lines": ("when: p < 0.1 &&\n      oops", 7, 7),
    "double quotes": ('when: "p < 0.1 && oops"', 6, 23),
    "double quotes with escapes": ('when: "client == \\"a\\" && oops"', 6, 31),
    "single quotes": ("when: 'p < 0.1 && oops'", 6, 23),
    "single quotes, doubled": ("when: 'client == ''a'' && oops'", 6, 31),
    "literal": ("when: |\n      p < 0.1 &&\n        oops", 8, 9),
    "folded": ("when: >-\n      p < 0.1 &&\n\n      oops", 9, 7),
    "key and value apart": ("when:\n      p < 0.1 && oops", 7, 18),
}


@pytest.mark.parametrize(("lines", "line", "column"), STYLES.values(), ids=STYLES)
def test_the_place_within_a_condition(lines, line, column):
    (one,) = check_text(f"{HEAD}rules:\n  - name: r\n    {lines}\n    action: tag\n").wrong
    assert 'unknown fact "oops"' in one.sentence
    assert (one.line, one.column) == (line, column)


def test_a_file_and_a_directory(tmp_path):
    assert list(files(tmp_path / "a.yaml")) == [
        tmp_path / "a.yaml"
    ]  # whether it is there shows when it is read
    for name in ("b.yaml", "a.yml", "..data", ".x.yaml", "readme.md"):
        (tmp_path / name).write_text("")
    assert [one.name for one in files(tmp_path)] == ["a.yml", "b.yaml"]


@pytest.mark.parametrize("deep", ["[" * 3_000, "a: " + "{b: " * 3_000, "[" * 900 + "]" * 900])
def test_what_is_nested_too_deep_is_no_stack_trace(deep):
    assert [str(one) for one in check_text(deep).wrong] == [
        "policy.yaml:1:1: not YAML that can be read: it is nested too deep"
    ]


def test_a_sentence_about_a_long_value_is_not_as_long():
    (wrong,) = check_text(policy(more=f"expose: {'x' * 100_000}")).wrong
    assert wrong.sentence.startswith('expose: "xxx')
    assert len(wrong.sentence) <= MOST_SAID + 3


def test_what_was_perhaps_meant():
    assert nearest("actoin", ("action", "name")) == 'did you mean "action"?'
    assert nearest("x", ("action", "name")) == "there are action, name"
    assert nearest("x", ("action",)) == "there is action"
