"""CEL's text to trees: types, and the place of a mistake. The table in `wrong.py` has every wording."""

import pytest

from sidecar.policy.expressions import FUNCTIONS, Mistake, read
from sidecar.policy.tree import Node, facts, walk


def test_a_tree_says_what_the_text_says():
    tree = read('score > 0.5 && drift.state == "skew"')
    assert (tree.kind, tree.value) == ("call", "logical_and")
    left, right = tree.args
    assert left == Node(
        "call", "greater_double", (Node("fact", "score", (), 0), Node("const", 0.5, (), 8)), 6
    )
    assert facts(right) == {"drift.state"}
    assert facts(tree) == {"score", "drift.state"}


def test_other_types_than_a_condition():
    assert read('headers["x-key"]', "string").value == "index_map"
    with pytest.raises(Mistake, match="is a double; expected a string"):
        read("score", "string")


def test_what_needs_the_body_can_be_refused():
    assert read("client", "string", head_only=True).value == "client"
    with pytest.raises(Mistake, match="known only once the request has been looked at") as caught:
        read('client + string(rows) + " "', "string", head_only=True)
    assert caught.value.at == 16


def test_a_mistake_in_a_later_line_has_its_place():
    with pytest.raises(Mistake) as caught:
        read("score > 0.5 &&\n  scor > 0.5")
    assert caught.value.at == 17


def test_every_function_can_be_called():
    tried = read(
        'size(client) > 1 && client.contains("a") && client.startsWith("a") && client.endsWith("a") && '
        'has(features.a) && chain.exists(x, x == "a") && chain.exists_one(x, x == "a") && '
        'chain.all(x, x == "a") && size(chain.filter(x, x == "a")) > 0 && size(chain.map(x, x)) > 0 && '
        'double(rows) > 1.0 && int(p) > 1 && string(rows) == "1" && rate(client, duration("1s")) > 1.0'
    )
    assert len(list(walk(tree := tried))) > 50
    assert len(FUNCTIONS) == 15
    assert tree.kind == "call"


@pytest.mark.parametrize(
    "text",
    [
        "headers.all(a, headers.all(b, a != b))",
        "[1, 2].all(i, headers.exists(a, chain.exists(b, headers.exists(c, a == b + c))))",
        'headers.map(a, a + "!").exists(a, headers.map(b, b) == [a])',
    ],
)
def test_macros_within_each_other_over_what_callers_send_are_refused(text):
    with pytest.raises(Mistake, match="within another: its caller could make it take forever"):
        read(text)


@pytest.mark.parametrize(
    "text",
    [
        '["x-a", "x-b"].exists(n, headers.exists(k, k == n))',
        'headers.exists(k, ["x-a", "x-b"].exists(n, k.startsWith(n)))',
        "headers.exists(k, chain.exists(m, chain.exists(n, k == m + n)))",
        'headers.filter(k, k.startsWith("x-")).exists(k, headers[k] == "1")',
        'headers.all(a, a != "x") && chain.all(b, b != "y")',
    ],
)
def test_macros_beside_each_other_and_over_lists_in_the_text_are_not(text):
    assert read(text).kind in ("call", "fold")
