"""Trees can be walked, asked for their facts, and written down."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from sidecar.policy.tree import Node, facts, walk

LEAVES = st.one_of(
    st.builds(
        Node,
        st.just("const"),
        st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), st.text(max_size=5)),
    ),
    st.builds(Node, st.just("const"), st.floats(allow_nan=False, allow_infinity=False)),
    st.builds(Node, st.just("fact"), st.sampled_from(["p", "rows"])),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.builds(Node, st.just("call"), st.just("add"), st.lists(inner, max_size=3).map(tuple)),
)


@given(TREES)
def test_a_tree_is_written_and_read_back(tree):
    again = msgspec.json.decode(msgspec.json.encode(tree), type=Node)
    assert again == tree
    assert [type(one.value) for one in walk(again)] == [type(one.value) for one in walk(tree)]


def test_facts_are_found_wherever_they_stand():
    inner = Node("call", "f", (Node("fact", "p"), Node("const", 1)))
    assert facts(Node("list", None, (inner, Node("fact", "rows"), Node("local", "x")))) == {"p", "rows"}
    assert [one.kind for one in walk(inner)] == ["call", "fact", "const"]
