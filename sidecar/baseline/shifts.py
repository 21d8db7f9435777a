"""Asks the model about clean pictures and about the same pictures squeezed, when a baseline is fitted with
`--ask`: how far do honest answers shift?

Counterparts: `sidecar.defence.squeezing`, which says what a shift is; `sidecar.proxy.squeezing`, which asks
about live calls in the same way.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import numpy as np

from sidecar import codecs
from sidecar.baseline.split import Parts
from sidecar.codecs import Codec
from sidecar.codecs.rewriting import REWRITERS, rewritten
from sidecar.defence.pixels import Layout
from sidecar.defence.squeezing import ASKED, PREFIX, Shifts, shift, squeezed
from sidecar.errors import DataError, Undecodable, UsageError
from sidecar.exchange import Matrix, Payload, Reply, Request
from sidecar.features import columns
from sidecar.scoring.calibration import Conformal
from sidecar.scoring.detector import Arrays, Floats

STANDARD_ROWS = 400
"""Clean pictures whose shifts others are compared with; they needn't be spared for the detectors."""

CALIBRATION_ROWS = 999
"""Clean pictures behind each p-value: each is four questions, and a model may take a while."""

SECONDS = 30.0
"""That the model may take for an answer."""

JSON = ((b"Content-Type", b"application/json"),)


class Model:
    """A model that can be asked about pictures."""

    def __init__(self, url: str, like: Path | None) -> None:
        """`like`: a file with a request's body as clients send it, of one picture; without, it's V1's
        `{"instances": [[...]]}`. Raises UsageError when such requests cannot be made."""
        self.url = url
        try:
            place = urlsplit(url)
            port = place.port
        except ValueError as error:
            raise UsageError(f"ask: {url} is no URL: {error}") from error
        self._template = _template(like)
        self._request = Request("POST", place.path, JSON, self._template or b"")
        codec = codecs.choose(self._request)
        if place.scheme not in ("http", "https") or codec is None or codec.name not in REWRITERS:
            raise UsageError(
                f"ask: {url} is no http URL that ends in /v1/models/NAME:predict or /v2/models/NAME/infer"
            )
        if codec.name != "v1" and like is None:
            raise UsageError("ask: what V2 is asked depends on the model; give such a body with --ask-like")
        kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(place.hostname or "", port, timeout=SECONDS)
        self._codec: Codec = codec

    def answer(self, row: Matrix) -> Payload:
        """The answer about one picture, (1, values). Raises DataError."""
        request = self._about(row)
        try:
            reply = self._asked(request)
        except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: a name that is none
            raise DataError(f"{self.url}: no answer ({error})") from error
        try:
            return self._codec.decode_reply(request, reply, 1)
        except Undecodable as error:
            raise DataError(f"{self.url}: answered {reply.status}, which cannot be read: {error}") from error

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _asked(self, request: Request) -> Reply:
        headers = {"Content-Type": "application/json", "x-sidecar-squeezed": "fit"}
        self._connection.request("POST", request.target, request.body, headers)
        with self._connection.getresponse() as reply:
            fields = tuple((name.encode(), value.encode("latin-1")) for name, value in reply.getheaders())
            return Reply(reply.status, fields, reply.read())

    def _about(self, row: Matrix) -> Request:
        if self._template is None:
            body: bytes | None = msgspec.json.encode({"instances": row.tolist()})
        else:
            body = rewritten(self._codec, self._request, row)
        if body is None:
            raise DataError(f"--ask-like: is no request of one picture of {row.shape[1]} plain numbers")
        return msgspec.structs.replace(self._request, body=body)


def fit(
    model: Model,
    layout: Layout,
    values: Matrix,
    parts: Parts,
    weights: Floats | None,
    progress: Callable[[float], None],
) -> Arrays:
    """The arrays of `sidecar.defence.squeezing`; `weights`: of the calibration rows. Raises DataError."""
    own = np.concatenate((parts.standard, parts.fit))[:STANDARD_ROWS]
    calibration = parts.calibration[:CALIBRATION_ROWS]
    rows = values[np.concatenate((own, calibration))]
    measured = np.empty((len(rows), len(ASKED)))
    for i, row in enumerate(rows):
        progress(i / len(rows))
        measured[i] = _shifts(model, layout, row[None])
    standard = measured[: len(own)]
    found = Shifts(layout, standard, Conformal(np.zeros(1))).of(measured[len(own) :])
    order = np.argsort(found, kind="stable")
    arrays: Arrays = {
        f"{PREFIX}standard": standard,
        f"{PREFIX}calibration": found[order],
    }
    if weights is not None:
        arrays[f"{PREFIX}weights"] = weights[: len(calibration)][order]
    return arrays


def _shifts(model: Model, layout: Layout, row: Matrix) -> list[float]:
    before = columns(model.answer(row))
    others = squeezed(layout, row).values()
    try:
        return [shift(before, columns(model.answer(other))) for other in others]
    except ValueError as error:
        raise DataError(f"{model.url}: its answers cannot be compared: {error}") from error


def _template(like: Path | None) -> bytes | None:
    try:
        return like.read_bytes() if like is not None else None
    except OSError as error:
        raise UsageError(f"--ask-like {like}: cannot be read: {error.strerror or error}") from error
