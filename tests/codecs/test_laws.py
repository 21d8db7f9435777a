"""Laws that hold for every codec, applied to every form of body it reads, in both directions."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar import codecs
from sidecar.codecs import Codec
from sidecar.errors import Undecodable
from sidecar.exchange import Payload, Reply, Request, Tensor
from sidecar.features import Field, Schema, column_names, columns, lay_out
from tests.codecs.samples import FORMS, NAMES, Form, headers

every_form = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.id)

HEADER_SAFE = re.compile(r"[ !#-\[\]-~]{1,80}")

Decode = Callable[[bytes], Payload]


def codec_of(form: Form) -> Codec:
    return codecs.CODECS[codecs.NAMES.index(form.codec)]


def directions(form: Form, rows: int = 2) -> list[tuple[bytes, Decode]]:
    """Question and answer: the body, and what decodes a body in its place."""
    sample, codec = form.make(rows), codec_of(form)

    def ask(body: bytes) -> Payload:
        return codec.decode(msgspec.structs.replace(sample.request, body=body))

    def reply(body: bytes) -> Payload:
        return codec.decode_reply(sample.request, msgspec.structs.replace(sample.reply, body=body), rows)

    return [(sample.request.body, ask), (sample.reply.body, reply)]


def assert_same(found: tuple[Tensor, ...], expected: tuple[Tensor, ...]) -> None:
    assert [tensor.name for tensor in found] == [tensor.name for tensor in expected]
    for got, want in zip(found, expected, strict=True):
        assert got.columns == want.columns
        assert got.data.dtype == want.data.dtype, got.name
        np.testing.assert_array_equal(got.data, want.data)


def assert_lawful(payload: Payload) -> None:
    """What every consumer of a payload relies on."""
    assert payload.rows > 0
    for tensor in payload.tensors:
        assert tensor.data.shape[0] == payload.rows
        assert tensor.data.dtype.kind in "biufO"
        if tensor.data.dtype.kind == "O":
            assert {type(value) for value in tensor.data.ravel().tolist()} <= {str, type(None)}
        if tensor.columns is not None:
            assert tensor.data.shape == (payload.rows, len(tensor.columns))
    assert len(columns(payload)) == len(column_names(payload))
    assert {column.shape for column in columns(payload).values()} <= {(payload.rows,)}


def refused(decode: Decode, body: bytes) -> str:
    """The reason for which a body is refused, fit for a header."""
    with pytest.raises(Undecodable) as error:
        decode(body)
    said = str(error.value)
    assert HEADER_SAFE.fullmatch(said), said
    assert said != "codec-fault"
    return said


# -- the laws ----------------------------------------------------------------------------------------


@every_form
def test_a_codec_is_chosen_for_its_form(form: Form) -> None:
    chosen = codecs.choose(form.make(1).request)
    assert chosen is not None
    assert chosen.name == form.codec
    assert codecs.choose(form.make(1).request, hint=form.codec) is chosen


@every_form
@pytest.mark.parametrize("rows", [1, 2, 7])
def test_values_types_and_names_come_through(form: Form, rows: int) -> None:
    sample, codec = form.make(rows), codec_of(form)
    asked = codec.decode(sample.request)
    answered = codec.decode_reply(sample.request, sample.reply, asked.rows)
    assert asked.rows == (rows if form.many else 1)
    assert answered.rows == asked.rows
    assert asked.codec == form.codec
    assert_same(asked.tensors, sample.asked)
    assert_same(answered.tensors, sample.answered)
    assert_lawful(asked)
    assert_lawful(answered)


@every_form
def test_a_body_cut_anywhere_is_refused(form: Form) -> None:
    for body, decode in directions(form):
        if form.ends:
            for end in range(len(body)):
                refused(decode, body[:end])


@every_form
@pytest.mark.parametrize("garbage", [b"\x00", b"x", b"]", b"}\n", b"\xff\xd9\x00"])
def test_what_follows_the_body_is_not_ignored(form: Form, garbage: bytes) -> None:
    for body, decode in directions(form):
        if form.ends:
            refused(decode, body + garbage)


@every_form
def test_another_type_method_or_path_is_another_matter(form: Form) -> None:
    request = form.make(1).request
    others = (
        msgspec.structs.replace(request, headers=headers("video/mp4")),
        msgspec.structs.replace(request, method="GET"),
        msgspec.structs.replace(request, method="PUT"),
        msgspec.structs.replace(request, target="/v2/repository/index"),
    )
    for other in others:
        assert not codec_of(form).matches(other)
        assert codecs.choose(other) is None


@every_form
def test_the_body_has_no_say_in_the_choice(form: Form) -> None:
    request = form.make(1).request
    for body in (b"", b"{}", b"\x93NUMPY", b"\x89PNG"):
        assert codec_of(form).matches(msgspec.structs.replace(request, body=body))


@every_form
@pytest.mark.parametrize(
    ("coding", "compress"),
    [(b"gzip", gzip.compress), (b"deflate", zlib.compress), (b"X-GZIP", gzip.compress)],
)
def test_compressed_is_the_same(form: Form, coding: bytes, compress: Callable[[bytes], bytes]) -> None:
    sample, codec = form.make(3), codec_of(form)
    coded = (b"content-encoding", coding)
    request = Request(
        "POST", sample.request.target, (*sample.request.headers, coded), compress(sample.request.body)
    )
    reply = Reply(200, (*sample.reply.headers, coded), compress(sample.reply.body))
    rows = codec.decode(sample.request).rows
    assert_same(codec.decode(request).tensors, sample.asked)
    assert_same(codec.decode_reply(request, reply, rows).tensors, sample.answered)


@every_form
@pytest.mark.parametrize("status", [100, 304, 400, 503])
def test_only_success_is_an_answer(form: Form, status: int) -> None:
    sample = form.make(1)
    reply = msgspec.structs.replace(sample.reply, status=status)
    with pytest.raises(Undecodable, match=f"status:{status}"):
        codec_of(form).decode_reply(sample.request, reply)


@every_form
def test_an_empty_body_is_refused(form: Form) -> None:
    for _, decode in directions(form):
        refused(decode, b"")


# -- malformed input ---------------------------------------------------------------------------------

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["FP32", "BYTES", "INT8", "x", "name"])
)
KEYS = (
    *("instances", "inputs", "outputs", "predictions", "dataframe_split", "dataframe_records", "columns"),
    *("data", "name", "shape", "datatype", "parameters", "binary_data_size", "a", "é"),
)
keys = st.sampled_from(KEYS)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)


def probe(codec: Codec, request: Request, body: bytes) -> None:
    """Read past the net in `Codec.decode`, which a reader must not need; what is read must be lawful."""
    request = msgspec.structs.replace(request, body=body)
    schema = Schema(tuple(Field(name, "number") for name in NAMES))
    with only_undecodable():
        codec.read_reply(request, Reply(200, request.headers, body), 2)
    with only_undecodable():
        codec.read(request)
        payload = codec.decode(request)
        assert_lawful(payload)
        lay_out(payload, schema)


@contextmanager
def only_undecodable() -> Iterator[None]:
    try:
        yield
    except Undecodable as error:
        said = str(error)
    else:
        return
    assert HEADER_SAFE.fullmatch(said)


@every_form
@given(data=st.data())
def test_fuzz_changed_bytes(form: Form, data: st.DataObject) -> None:
    request = form.make(2).request
    body = bytearray(request.body)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        match data.draw(st.sampled_from(("set", "cut", "insert", "swap"))):
            case "set":
                body[at] = data.draw(st.integers(0, 255))
            case "cut":
                del body[at : at + data.draw(st.integers(1, 8))]
            case "insert":
                body[at:at] = data.draw(
                    st.binary(max_size=4) | st.sampled_from([b"9" * 30, b"[", b"NaN", b"1e999"])
                )
            case "swap":
                body = body[at:] + body[:at]
        if not body:
            break
    probe(codec_of(form), request, bytes(body))


@every_form
@given(body=st.binary(max_size=64))
def test_fuzz_any_bytes(form: Form, body: bytes) -> None:
    probe(codec_of(form), form.make(1).request, body)


@pytest.mark.parametrize("form", [form for form in FORMS if form.ends], ids=lambda form: form.id)
@given(document=documents)
def test_fuzz_any_json(form: Form, document: object) -> None:
    probe(codec_of(form), form.make(1).request, msgspec.json.encode(document))
    for key in ("instances", "inputs", "dataframe_split", "dataframe_records", "predictions"):
        probe(codec_of(form), form.make(1).request, msgspec.json.encode({key: document}))
