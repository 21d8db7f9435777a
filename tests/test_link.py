"""The wire between data plane and observer: every message survives it, however its bytes are cut."""

import struct

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar import link
from sidecar.exchange import Shadowed
from sidecar.link import Batch, Counters, Drift, Frames, Progress, Shadow, Swap
from tests.tracing.records import OUTLIER, UNSCORED

BATCH = Batch(
    worker=1,
    pid=4242,
    counters=Counters(
        calls=7,
        failed={"upstream-refused": 2},
        records_dropped=1,
        shadows={"p/new": Shadow({"same": 2}, 9, 1, 0.5, 0.25)},
    ),
    upstream="up",
    draining=False,
    baseline="/var/lib/sidecar/baseline",
    refused="",
    records=(OUTLIER, msgspec.structs.replace(UNSCORED, p=0.5)),  # NaN is unequal to itself
    shadowed=(Shadowed("p/new", "call-1", "0" * 32, 5, "numbers", 200, 200, 3, 1, "y", 0.5),),
)
ORDERS = [Progress(120, 500), Swap("/tmp/baseline-1"), Drift('feature-drift; feature="s5"; since=@1')]


def test_a_batch_survives():
    [body] = Frames().update(link.frame(BATCH))
    assert link.batch(body) == BATCH


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: type(order).__name__)
def test_an_order_survives(order):
    [body] = Frames().update(link.frame(order))
    assert link.order(body) == order


@given(st.lists(st.integers(min_value=1, max_value=40), max_size=60))
def test_frames_survive_any_cut(cuts):
    stream = b"".join(map(link.frame, ORDERS * 3))
    frames, heard, at = Frames(), [], 0
    for size in [*cuts, len(stream)]:
        heard += map(link.order, frames.update(stream[at : at + size]))
        at += size
    assert heard == ORDERS * 3


def test_byte_by_byte():
    frames, heard = Frames(), []
    for byte in link.frame(BATCH):
        heard += frames.update(bytes([byte]))
    assert [link.batch(body) for body in heard] == [BATCH]


def test_an_empty_frame_is_a_body_and_no_message():
    [body] = Frames().update(struct.pack(">I", 0))
    assert body == b""
    with pytest.raises(msgspec.DecodeError):
        link.batch(body)


def test_a_frame_that_is_too_long_is_refused_before_it_is_there():
    with pytest.raises(ValueError, match="frame of 67108865 bytes"):
        list(Frames().update(struct.pack(">I", link.MAX_FRAME + 1)))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        b"\x00",
        msgspec.msgpack.encode(["swap"]),
        msgspec.msgpack.encode(["batch", "x"]),
        b"GET / HTTP",
    ],
)
def test_what_is_no_message_is_refused(body):
    for read in (link.batch, link.order):
        with pytest.raises((msgspec.DecodeError, msgspec.ValidationError)):
            read(body)


def test_an_order_is_no_batch_and_the_other_way_round():
    [order] = Frames().update(link.frame(ORDERS[0]))
    [batch] = Frames().update(link.frame(BATCH))
    with pytest.raises(msgspec.ValidationError):
        link.batch(order)
    with pytest.raises(msgspec.ValidationError):
        link.order(batch)


def test_what_came_of_other_models_adds_up():
    one, other = Shadow({"same": 2, "status": 1}, 9, 1, 0.5, 0.25), Shadow({"same": 3}, 1, 1, 0.25, 0.5)
    assert one.plus(other) == Shadow({"same": 5, "status": 1}, 10, 2, 0.75, 0.75)
