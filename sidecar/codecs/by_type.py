"""Formats that are known by their media type alone.

They belong to no protocol, so path and method say nothing, and the answer may be in another of them than
the question was: JSON for an image, CSV for JSON. Counterparts: `v1`, `v2`, `mlflow`, which own their paths.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sidecar.codecs import csv_table, image, npy, plain
from sidecar.codecs.codec import Codec, media_type
from sidecar.errors import Undecodable, reason
from sidecar.exchange import Headers, Payload, Reply, Request, Tensor


class Format(NamedTuple):
    """A format by name: whether the headers declare it, and how a body is read."""

    name: str
    matches: Callable[[Headers], bool]
    read: Callable[[Headers, bytes], tuple[Tensor, ...]]


FORMATS = (
    Format("csv", csv_table.matches, csv_table.read),
    Format("npy", npy.matches, npy.read),
    Format("image", image.matches, image.read),
    Format("plain", plain.matches, plain.read),
)


def codec(form: Format) -> Codec:
    """The codec of requests in one format and answers in any."""

    def matches(request: Request) -> bool:
        return request.method == "POST" and not _owned(request.path) and form.matches(request.headers)

    def read(request: Request) -> Payload:
        return Payload(form.name, form.read(request.headers, request.body))

    def read_reply(request: Request, reply: Reply, rows: int) -> Payload:
        for candidate in FORMATS:
            if candidate.matches(reply.headers):
                return Payload(candidate.name, _one_each(candidate.read(reply.headers, reply.body), rows))
        raise Undecodable(reason("reply-type", media_type(reply.headers).decode("latin-1")))

    return Codec(form.name, matches, read, read_reply, only_rows=True)


def _owned(path: str) -> bool:
    """Whether the path is one of V1 or V2 that carries no rows: load a model, read its metadata."""
    return path.startswith(("/v2/", "/v1/models/")) and not path.endswith(("/infer", ":predict"))


def _one_each(tensors: tuple[Tensor, ...], rows: int) -> tuple[Tensor, ...]:
    """One row of as many values as there were rows in the question is in truth one value for each row."""
    if rows < 2 or len(tensors) != 1 or tensors[0].columns is not None or tensors[0].data.shape != (1, rows):
        return tensors
    return (Tensor(tensors[0].name, tensors[0].data.reshape(rows)),)
