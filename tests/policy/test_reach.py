"""What never holds and what always does is said; what may hold is left alone."""

import pytest

from sidecar.policy.checking import check_text
from tests.policy.documents import policy

NEVER = "can never fire: its condition never holds"
ALWAYS = "always fires: its condition always holds"

CONDITIONS = {
    # -- never
    "score > 1.0": [NEVER],
    "1.0 < score": [NEVER],
    "p < 0.0": [NEVER],
    "p < 0.01 && p > 0.5": [NEVER],
    "p < 0.5 && p >= 0.5": [NEVER],
    "p == 0.5 && p != 0.5": [NEVER],
    "rows < 0": [NEVER],
    "rows == 1 && rows == 2": [NEVER],
    'method == "GET" && method == "POST"': [NEVER],
    'verdict == "outlier" && verdict != "outlier"': [NEVER],
    'verdict in ["outlier", "normal"] && verdict == "unscored"': [NEVER],
    '"x" in headers && !("x" in headers)': [NEVER],
    "false": [NEVER],
    '(score > 0.5 || rows > 3) && score < 0.1 && rows == 2': [NEVER],
    'features["a"] > 5.0 && features["a"] < 5.0': [NEVER],
    # -- always
    "p <= 1.0": [ALWAYS],
    "score >= 0.0 || rows > 3": [ALWAYS],
    "rows >= 0": [ALWAYS],
    'verdict != "outlier" || verdict != "normal"': [ALWAYS],
    "p < 0.5 || p >= 0.5": [ALWAYS],
    "!(p > 1.0)": [ALWAYS],
    # -- a word that is none
    'verdict == "outler"': [
        'compares verdict with "outler", which it never is; did you mean "outlier"?', NEVER,
    ],
    'verdict != "odd"': [
        'compares verdict with "odd", which it never is; '
        "it is one of normal, outlier, adversarial, unscored, learning",
        ALWAYS,
    ],
    'drift.state in ["feature-drift", "data-drift"]': [
        'compares drift.state with "data-drift", which it never is; did you mean "feature-drift"?'
    ],
    # -- nothing to be said
    "p < 0.5": [],
    "true": [],
    "score > 0.5 && rows > 3": [],
    'features["a"] > 5.0 || features["a"] <= 5.0': [],  # neither, when it is missing
    'features["a"] > 5.0 && features["b"] < 5.0': [],
    'client.startsWith("10.") || client.startsWith("192.")': [],
    "p > 0.1 && p < 0.2": [],
    'chain.exists(m, m == "intent")': [],
    " && ".join(f"(rows == {i} || flagged == {i})" for i in range(12)): [],  # too long to look at
}  # fmt: skip


def said(*rules: str) -> list[str]:
    """The warnings, less the place and the rule's number."""
    checked = check_text(policy(*rules))
    assert checked.policies is not None, checked.wrong
    return [one.sentence.partition(": ")[2] for one in checked.warnings]


@pytest.mark.parametrize(("condition", "expected"), CONDITIONS.items(), ids=CONDITIONS)
def test_a_condition(condition, expected):
    assert said(f"{{name: r, action: tag, when: '{condition}'}}") == expected


def ended(by: str) -> list[str]:
    return [f'can never fire: whenever its condition holds, "{by}" ends the search first']


def test_a_rule_that_an_earlier_one_leaves_nothing_to():
    wide = "{name: wide, action: block, when: p < 0.1}"
    narrow = "{name: narrow, action: tag, when: p < 0.01}"
    assert said(wide, narrow) == ended("wide")
    assert said(narrow, wide) == []
    assert said("{name: all, action: allow}", narrow) == ended("all")
    assert said(
        "{name: low, action: block, when: p < 0.1}", "{name: high, action: allow, when: p >= 0.1}", narrow
    ) == (ended("high"))


def test_what_does_not_end_the_search_leaves_everything():
    narrow = "{name: narrow, action: tag, when: p < 0.01}"
    assert said("{name: wide, action: tag, when: p < 0.1}", narrow) == []
    assert said("{name: wide, action: block, dry-run: true, when: p < 0.1}", narrow) == []
    assert said("{name: other, action: block, when: rows > 3}", narrow) == []
