"""The nouns: frozen, and their few small readings."""

import msgspec
import numpy as np
import pytest

from sidecar import exchange
from sidecar.exchange import Payload, Request, Tensor, header

STRUCTS = [
    kind for kind in vars(exchange).values() if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
]


@pytest.mark.parametrize("kind", STRUCTS, ids=lambda kind: kind.__name__)
def test_every_noun_is_frozen(kind):
    assert kind.__struct_config__.frozen


def test_header_finds_the_first_of_that_name_in_any_case():
    headers = ((b"Accept", b"a"), (b"X-Request-ID", b"one"), (b"x-request-id", b"two"))
    assert header(headers, b"x-request-id") == b"one"
    assert header(headers, b"x-request") is None
    assert header((), b"accept") is None


@pytest.mark.parametrize(
    ("target", "path"),
    [("/v1/models/a:predict", "/v1/models/a:predict"), ("/a%2Fb?x=/c?d", "/a%2Fb"), ("/?", "/"), ("*", "*")],
)
def test_path_is_the_target_without_its_query(target, path):
    assert Request("POST", target, (), b"").path == path


def test_rows_of_a_payload():
    assert Payload("plain", ()).rows == 0
    assert Payload("plain", (Tensor("x", np.zeros((3, 2))),)).rows == 3
