"""What a codec is: how it is found, and how bytes become a Payload without ever raising anything else.

Counterpart: `sidecar.features`, which lays the payload out. A reader (`read`, `read_reply`) gets a body
whose content coding is already removed and raises Undecodable with a reason. The laws that hold for every
payload whatever the format are kept here, so that no reader can forget them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from sidecar.codecs.encoding import uncoded
from sidecar.codecs.table import MAX_NAME
from sidecar.errors import Undecodable, reason
from sidecar.exchange import Headers, Payload, Reply, Request, header


class OneRow(NamedTuple):
    """A body that is one row of finite numbers without names. `block`: those numbers as float64."""

    block: bytes
    model: str
    version: str


class Codec(msgspec.Struct, frozen=True):
    """One wire format. `matches` looks at method, path and headers only."""

    name: str
    matches: Callable[[Request], bool]
    read: Callable[[Request], Payload]
    read_reply: Callable[[Request, Reply, int], Payload]
    read_one: Callable[[Request, int], OneRow | None] | None = None
    """`read` by a shorter way, where there is one."""
    condensed: Callable[[bytes], bytes] | None = None
    """What a stream of events is told as, where the protocol has such answers."""
    only_rows: bool = False
    """Whether an answer says nothing but its rows: no version of the model, no count of tokens."""

    def one_row(self, request: Request, width: int) -> OneRow | None:
        """The body, if it is one row of `width` plain numbers and that can be told at once; else None, and it
        is to be decoded."""
        if self.read_one is None or header(request.headers, b"content-encoding") is not None:
            return None
        return self.read_one(request, width)

    def decode(self, request: Request) -> Payload:
        """The rows of a request. Raises Undecodable, and nothing else whatever the body is."""
        try:
            body = uncoded(request.headers, request.body)
            if body is not request.body:
                request = msgspec.structs.replace(request, body=body)
            return _lawful(self.read(request))
        except Undecodable:
            raise
        except Exception as error:
            raise Undecodable("codec-fault") from error

    def decode_reply(self, request: Request, reply: Reply, rows: int = 0) -> Payload:
        """The rows of a model's answer. Raises Undecodable, and nothing else whatever the body is.

        `rows` is the number of rows in the request, 0 if unknown. Formats that don't say whether `[a, b]` is
        one row or two look at it: as many values as rows is a value for each row.
        """
        if not 200 <= reply.status < 300:
            raise Undecodable(f"status:{reply.status}")
        try:
            body = uncoded(reply.headers, reply.body)
            if body is not reply.body:
                reply = msgspec.structs.replace(reply, body=body)
            return _lawful(self.read_reply(request, reply, rows))
        except Undecodable:
            raise
        except Exception as error:
            raise Undecodable("codec-fault") from error


def media_type(headers: Headers) -> bytes:
    """The media type in lower case without its parameters; empty when there is none."""
    value = header(headers, b"content-type")
    return b"" if value is None else value.partition(b";")[0].strip().lower()


def is_json(media: bytes) -> bool:
    """Whether the media type says JSON (RFC 8259, and the +json suffix of RFC 6839)."""
    return media == b"application/json" or media.endswith(b"+json")


def may_be_json(media: bytes) -> bool:
    """Whether a body sent to a path that takes JSON is to be read as JSON.

    No type at all counts, and so does the form type: `curl -d` sends it unasked, and the manuals
    of TensorFlow Serving and KServe call their servers with `curl -d`.
    """
    return is_json(media) or media in (b"", b"application/x-www-form-urlencoded")


def _lawful(payload: Payload) -> Payload:
    """The payload, if it has rows, every tensor has as many of them, and names are distinct and short."""
    tensors = payload.tensors
    if not tensors or not tensors[0].data.shape[0]:
        raise Undecodable("no-rows")
    rows = tensors[0].data.shape[0]
    for tensor in tensors:
        if len(tensor.name) > MAX_NAME:
            raise Undecodable(reason("name-too-long", tensor.name))
        if tensor.data.shape[0] != rows:
            raise Undecodable(reason("rows-differ", tensor.name))
    if len(tensors) > 1 and len({tensor.name for tensor in tensors}) < len(tensors):
        raise Undecodable("duplicate-name")
    return payload
