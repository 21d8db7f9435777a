"""The functions that are made of expressions say what the CEL library itself says of them."""

import math

import pytest
from cel_expr_python import cel
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.policy.code import OVERLOADS, Failed, duration, function, metered, source
from sidecar.policy.expressions import _environment, read
from sidecar.policy.facts import FACTS
from sidecar.policy.known import Facts
from sidecar.policy.tree import Node, walk
from tests.policy.told import facts, unscored

CALLS = {
    "normal": facts((1.0, 2.0)),
    "outliers": facts((1.0, math.nan), (5.0, -2.0), row_p=(0.5, 0.001), verdict="outlier"),
    "no score": unscored("not-json"),
    "another caller": facts((0.0, 0.0), client="192.168.1.1", method="GET", target="/", drift=""),
}

CONDITIONS = (
    # logic, and what becomes of errors in it
    "p < 0.01 || rows > 1",
    "rows > 1 || p < 0.01",
    'p < 0.01 || verdict == "unscored"',
    'verdict == "unscored" || p < 0.01',
    "p < 0.01 && rows > 100",
    "rows > 100 && p < 0.01",
    "!(p < 0.01) && true",
    '!("x-none" in headers)',
    'headers["x-none"] == "a" || rows >= 0',
    'headers["x-none"] == "a" && rows < 0',
    'headers["x-none"] == "a"',
    "rows > 1 ? p < 0.5 : p > 0.1",
    'true ? rows == 1 : headers["x-none"] == "a"',
    # order
    "rows < 1 || rows <= 1 || rows > 1 || rows >= 1",
    "score < 0.5",
    "score <= 0.5",
    "score > 0.5",
    "score >= 0.5",
    'method < "POST"',
    'method >= "POST"',
    'duration("1h") > duration("90s")',
    'duration("1500ms") == duration("1.5s")',
    "(rows > 1) == (flagged > 0)",
    "false < true",
    # missing values
    'features["b"] > 0.0',
    '!(features["b"] > 0.0)',
    'features["b"] == features["b"]',
    'lowest["b"] < highest["b"]',
    'highest["b"] >= -2.0',
    'features["none"] > 0.0',
    "has(features.a)",
    "has(features.none)",
    # arithmetic
    "rows + 1 == 2",
    "rows - 2 < 0",
    "rows * -3 == -6",
    "(rows - 8) / 2 == -3",
    "(rows - 8) % 4 == -2",
    "(rows - 8) / -4 == 1",
    "rows / (rows - rows) == 1",
    "rows % (rows - rows) == 1",
    "rows + 9223372036854775807 > 0",
    "-rows < 0",
    "rows * 9223372036854775807 > 0",
    "score * 2.0 - 1.0 == 0.0",
    "-score < 0.0",
    "1.0 / (score - score) > 1.0",
    "(score - score) / (score - score) == 0.0",
    "score + p == 1.0",
    # text
    'client + "/" + method == "10.0.0.7/POST"',
    "size(client) == 8",
    "client.size() > 8",
    'path.contains("models")',
    'path.startsWith("/v2/")',
    'path.endsWith("infer")',
    'path == "/v2/models/flight/infer"',
    'model == "flight"',
    'host != "other"',
    # lists and maps
    '"intent" in chain',
    '"other" in chain',
    "size(chain) == 2",
    "chain.size() == 2",
    'chain[0] == "intent"',
    'chain[2] == "intent"',
    'chain[-1] == "slots"',
    'chain == ["intent", "slots"]',
    'chain + ["x"] == ["intent", "slots", "x"]',
    'method in ["POST", "PUT"]',
    "rows in [2, 3]",
    "rows in []",
    '"x-team" in headers',
    'headers["x-team"] == "red, blue"',
    "size(headers) == 4",
    "headers.size() == 4",
    'detectors["ecod"].p < 0.3',
    'detectors["ecod"]["raw"] == 3.5',
    'detectors["none"].p < 0.3',
    "has(detectors.ecod)",
    'drift.state == "feature-drift" && drift.subject == "b"',
    # macros
    'chain.exists(m, m == "slots")',
    'chain.all(m, m.startsWith("i"))',
    'chain.exists_one(m, m.contains("t"))',
    'chain.filter(m, m != "slots") == ["intent"]',
    'chain.map(m, m + "!") == ["intent!", "slots!"]',
    'chain.map(m, m == "slots", m + "!") == ["slots!"]',
    'headers.exists(k, k.startsWith("x-") && headers[k] == "0.75")',
    'chain.exists(m, chain.exists(n, m + n == "slotsintent"))',
    "[1, 2, 3].exists(x, 6 / (x - 1) == 6)",  # an error first, made good later
    "[1, 2, 3].all(x, 6 / (x - 1) > 100)",
    "[2, 1].exists(p, p == rows)",  # a variable that is called like a fact
    "[1, 2].exists(x, 1 / (x - x) == 1)",
    '[].exists(x, x == "a")',
    "[0, 1].map(x, 1 / x) == [1]",
    # from one type to another
    "double(rows) / 2.0 > 0.5",
    "int(score * 10.0) == 5",
    "int(1e30 * score) > 0",
    'double(headers["x-risk"]) > 0.5',
    "double(client) > 0.5",
    'int("12") == 12',
    'int("twelve") == 12',
    'string(rows) == "1"',
)


def activation(told: Facts) -> dict[str, object]:
    """The facts as the library takes them. Those that are not there are left out."""
    values = {}
    for name in FACTS:
        try:
            value = getattr(told, name.replace(".", "_"))
        except Exception:
            continue
        values[name] = (
            list(value) if isinstance(value, tuple) else dict(value) if hasattr(value, "keys") else value
        )
    return values


def library(condition: str, told: Facts) -> object:
    """What the library says; an exception is one kind of answer."""
    value = _environment().compile(condition).eval(data=activation(told))
    return Failed if value.type() == cel.Type.ERROR else value.value()


def ours(condition: str, told: Facts) -> object:
    try:
        return function(read(condition))(told)
    except Exception:
        return Failed


@pytest.mark.parametrize("told", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_means_what_the_library_says(condition, told):
    assert ours(condition, told) == library(condition, told)


def test_most_conditions_have_an_answer():
    assert sum(ours(one, CALLS["normal"]) is Failed for one in CONDITIONS) < len(CONDITIONS) / 5


def test_every_overload_has_been_tried():
    tried = {str(node.value) for one in CONDITIONS for node in walk(read(one)) if node.kind == "call"}
    left = set(OVERLOADS) - tried - {"rate_string_duration"}
    assert not {name for name in left if not name.startswith(("less", "greater"))}


NUMBERS = st.one_of(st.integers(-5, 5).map(str), st.just("rows"), st.just("flagged"), st.just("size(chain)"))
WHOLE = st.recursive(
    NUMBERS,
    lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from(["+", "-", "*", "/", "%"]), inner),
    max_leaves=5,
)
SENTENCES = st.recursive(
    st.one_of(
        st.builds("({} {} {})".format, WHOLE, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), WHOLE),
        st.sampled_from(
            ["(p < 0.01)", '("intent" in chain)', '(headers["x-none"] == "a")', "has(features.a)"]
        ),
    ),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["&&", "||"]), inner),
        st.builds("!{}".format, inner),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
    ),
    max_leaves=6,
)


@given(SENTENCES)
@settings(max_examples=300, deadline=None)
def test_any_sentence_means_what_the_library_says(sentence):
    for told in CALLS.values():
        assert ours(sentence, told) == library(sentence, told)


def test_nothing_but_the_table_gets_into_a_function():
    for node in (
        Node("call", "__import__", (Node("const", "os"),)),
        Node("fact", "f.__class__"),
        Node("fact", "__dict__"),
        Node("const", math.inf),
        Node("const", None),
    ):
        with pytest.raises(KeyError):
            function(node)
    hostile = Node("fold", "x: (__import__('os'),", (Node("list", None), *[Node("const", True)] * 4))
    assert "(__import__" not in source(hostile, OVERLOADS)  # part of a name now
    assert function(hostile)(None) is True
    assert function(Node("call", "equals", (Node("const", "') or 1"), Node("const", "')"))))(None) is False


def test_durations_are_read_as_cel_writes_them():
    for text, seconds in {"60s": 60.0, "1h30m": 5400.0, "1.5s": 1.5, "10ms": 0.01, "-2s": -2.0}.items():
        assert duration(text) == pytest.approx(seconds)
    for text in ("", "60", "1d", "s", "1s2", "1 s"):
        with pytest.raises(Failed):
            duration(text)


def test_what_is_metered_is_known_by_key_and_window():
    tree = read('rate(client, duration("60s")) > 5.0 && rate(client, duration("1m")) < 9.0')
    one, other = metered(tree)
    assert one.id == other.id
    assert one.seconds == 60.0
    assert one.key(facts()) == "10.0.0.7"
    assert metered(read('rate(host, duration("60s")) > 5.0'))[0].id != one.id
