"""JSON of no protocol: what is a row, what is a column."""

from __future__ import annotations

import pytest

from sidecar.codecs.plain import read
from sidecar.errors import Undecodable


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a": 1, "b": {"c": "x"}}', {"a": [1], "b.c": ["x"]}),
        (b'{"a": [1, 2]}', {"a": [[1, 2]]}),
        (b"[1, 2, 3]", {"data": [[1, 2, 3]]}),
        (b'[1, "x"]', {"data[0]": [1], "data[1]": ["x"]}),
        (b"[[1, 2], [3, 4]]", {"data": [[1, 2], [3, 4]]}),
        (b'[{"a": "x"}, {"a": null}]', {"a": ["x", None]}),
        (b"0.5", {"data": [[0.5]]}),
        (b'"cat"', {"data": [["cat"]]}),
        (b"true", {"data": [[True]]}),
    ],
)
def test_rows_and_columns(body: bytes, expected: dict[str, object]) -> None:
    found = {}
    for tensor in read((), body):
        if tensor.columns is None:
            found[tensor.name] = tensor.data.tolist()
        else:
            found |= dict(zip(tensor.columns, tensor.data.T.tolist(), strict=True))
    assert found == expected


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"messages": [{"role": "user", "content": "hi"}]}', "not-a-table:messages"),
        (b"[1, [2]]", "ragged-rows"),
        (b'[1, {"a": 2}]', "ragged-rows"),
        (b'[{"a": 1}, 2]', "ragged-rows"),
        (b"a=1&b=2", "not-json"),
    ],
)
def test_refusals(body: bytes, said: str) -> None:
    with pytest.raises(Undecodable) as error:
        read((), body)
    assert str(error.value) == said
