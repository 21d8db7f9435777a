"""How single values are read. What is refused, and how, stands in the table of `wrong.py`."""

import pytest
import yaml

from sidecar.policy import kinds


def read(kind: kinds.Kind, text: str):
    return kind.read(yaml.compose(text, yaml.SafeLoader))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("50ms", 0.05), ("2s", 2.0), ("1min", 60.0), ("0.5", 0.5), ("3", 3.0), ("1.5 s", 1.5)],
)
def test_times(text, seconds):
    assert read(kinds.seconds(0.001, 60.0), text) == pytest.approx(seconds)


def test_patterns_are_one_or_several():
    assert read(kinds.PATTERNS, "/v2/*") == ("/v2/*",)
    assert read(kinds.PATTERNS, "[a, 7]") == ("a", "7")
    assert read(kinds.HEADER_PATTERNS, "{X-Team: red, x-tier: [1, 2]}") == {
        "x-team": ("red",),
        "x-tier": ("1", "2"),
    }


def test_yes_is_true_as_yaml_says():
    assert read(kinds.FLAG, "true") is read(kinds.FLAG, "yes") is True
    assert read(kinds.FLAG, "off") is False


def test_whole_numbers_and_others():
    assert read(kinds.number("n", 1, 9, whole=True), "3") == 3
    assert read(kinds.number("n", 0.0, 1.0, open_ends=True), "1.0e-3") == 0.001
    for text in (".nan", ".inf", "0x3"):
        with pytest.raises(kinds.Unfit):
            read(kinds.number("n", 1, 20, whole=text[0] != "."), text)


def test_a_condition_may_be_true_without_quotes():
    assert read(kinds.expression(), "true").value is True
