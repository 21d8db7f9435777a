"""The wire format of protocol buffers, as far as it is read."""

import pytest

from sidecar.policy.expressions import _environment
from sidecar.policy.tree import Node
from sidecar.policy.wire import NotSupported, fields, tree


def serialized(text: str) -> bytes:
    return _environment().compile(text).serialize()


def test_fields_of_every_wire_type_that_comes():
    message = b"\x08\x96\x01" + b"\x11" + b"\x00" * 8 + b"\x1a\x02hi" + b"\x08\x01"
    assert fields(message) == {1: [150, 1], 2: [b"\x00" * 8], 3: [b"hi"]}
    with pytest.raises(ValueError, match="wire type 3"):
        fields(b"\x0b")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("-7", -7),
        ("9223372036854775807", 2**63 - 1),
        ("1.5", 1.5),
        ('"a\\u00e9"', "a\u00e9"),
    ],
)
def test_constants(text, value):
    assert tree(serialized(text)) == Node("const", value, (), 0)


def test_a_macro_binds_its_own_variables_and_no_others():
    found = tree(serialized("chain.exists(p, p == client && chain.exists(q, q == p))"))
    names = {(one.kind, one.value) for one in _all(found) if one.kind in ("fact", "local")}
    assert names == {
        ("fact", "chain"),
        ("fact", "client"),
        ("local", "p"),
        ("local", "q"),
        ("local", "@result"),
    }


def _all(node):
    yield node
    for arg in node.args:
        yield from _all(arg)


@pytest.mark.parametrize("text", ['{"a": 1}["a"] == 1', "null == null", "b'x' == b'x'", "1u == 1u"])
def test_what_is_left_out_is_refused(text):
    with pytest.raises(NotSupported):
        tree(serialized(text))
