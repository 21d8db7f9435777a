"""The frame around every reader: what holds of a payload, and what a fault in a reader becomes."""

from __future__ import annotations

import numpy as np
import pytest

from sidecar.codecs.codec import Codec, may_be_json, media_type
from sidecar.errors import Undecodable
from sidecar.exchange import Payload, Reply, Request, Tensor
from tests.codecs.samples import headers, post

REQUEST = post("/", "application/json", b"{}")


def codec(*tensors: Tensor, fault: Exception | None = None) -> Codec:
    """A codec whose reader gives these tensors, or breaks."""

    def read(request: Request) -> Payload:
        if fault is not None:
            raise fault
        return Payload("test", tensors)

    return Codec("test", lambda request: True, read, lambda request, reply, rows: read(request))


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ((), "no-rows"),
        ((Tensor("a", np.empty((0, 3))),), "no-rows"),
        ((Tensor("a", np.zeros(2)), Tensor("b", np.zeros(3))), "rows-differ:b"),
        ((Tensor("a", np.zeros(2)), Tensor("a", np.zeros(2))), "duplicate-name"),
        ((Tensor("n" * 300, np.zeros(2)),), "name-too-long:" + "n" * 66),
    ],
)
def test_an_unlawful_payload_is_refused_whoever_made_it(tensors: tuple[Tensor, ...], said: str) -> None:
    with pytest.raises(Undecodable) as error:
        codec(*tensors).decode(REQUEST)
    assert str(error.value) == said


@pytest.mark.parametrize("fault", [KeyError("x"), RecursionError(), MemoryError(), OverflowError()])
def test_a_fault_in_a_reader_costs_the_score_and_nothing_else(fault: Exception) -> None:
    broken = codec(fault=fault)
    for decode in (
        lambda: broken.decode(REQUEST),
        lambda: broken.decode_reply(REQUEST, Reply(200, (), b"")),
    ):
        with pytest.raises(Undecodable, match="codec-fault") as error:
            decode()
        assert error.value.__cause__ is fault


@pytest.mark.parametrize(
    ("sent", "media", "json"),
    [
        ("application/json", b"application/json", True),
        ("Application/JSON; charset=utf-8", b"application/json", True),
        ("application/problem+json", b"application/problem+json", True),
        ("application/x-www-form-urlencoded", b"application/x-www-form-urlencoded", True),
        (None, b"", True),
        ("text/html", b"text/html", False),
        ("multipart/form-data; boundary=x", b"multipart/form-data", False),
    ],
)
def test_media_types(sent: str | None, media: bytes, json: bool) -> None:
    assert media_type(headers(sent)) == media
    assert may_be_json(media) is json
