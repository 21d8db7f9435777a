"""Formats without a protocol: the answer is read by its own type, and its rows by those of the question."""

from __future__ import annotations

import numpy as np
import pytest

from sidecar import codecs
from sidecar.errors import Undecodable
from sidecar.exchange import Payload, Reply
from tests.codecs.samples import answer, drawn, headers, post, saved

REQUEST = post("/score", "application/json", b"[[1, 2], [3, 4], [5, 6]]")


def reply(said: Reply, rows: int = 0) -> Payload:
    codec = codecs.choose(REQUEST)
    assert codec is not None
    return codec.decode_reply(REQUEST, said, rows)


@pytest.mark.parametrize(
    ("said", "codec", "shape"),
    [
        (answer([[1.0], [2.0]]), "plain", (2, 1)),
        (Reply(201, headers("text/csv"), b"p\n0.5\n"), "csv", (1, 1)),
        (Reply(200, headers("application/x-npy"), saved(np.eye(2))), "npy", (2, 2)),
        (Reply(200, headers("image/png"), drawn(np.zeros((3, 4), np.uint8), "PNG")), "image", (1, 3, 4)),
    ],
)
def test_an_answer_is_read_by_its_own_type(said: Reply, codec: str, shape: tuple[int, ...]) -> None:
    payload = reply(said)
    assert payload.codec == codec
    assert payload.tensors[0].data.shape == shape


def test_as_many_values_as_rows_are_a_value_for_each() -> None:
    for said in (answer([0.1, 0.2, 0.3]), Reply(200, headers("application/x-npy"), saved(np.arange(3)))):
        assert reply(said, rows=3).tensors[0].data.shape == (3,)
        for rows in (0, 1, 2, 4):
            assert reply(said, rows).tensors[0].data.shape == (1, 3)


def test_labels_for_each_row() -> None:
    payload = reply(answer(["cat", "dog", "cat"]), rows=3)
    assert payload.tensors[0].data.tolist() == ["cat", "dog", "cat"]


@pytest.mark.parametrize("media", ["text/plain", "text/html; charset=utf-8", None])
def test_an_answer_in_no_known_type(media: str | None) -> None:
    with pytest.raises(Undecodable, match="reply-type"):
        reply(Reply(200, headers(media), b"0.5"))
