"""A caller of the model, and what it can read in an answer without knowing the sidecar's code.

Counterparts: `examples/server.py` answers, a sidecar in between adds the `x-anomaly-*` headers.
"""

from __future__ import annotations

import http.client
import json
import secrets
import statistics
import time
import urllib.parse
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import NamedTuple, Self

from examples.flight import Rows

INFER = "/v2/models/flight/infer"


class Answer(NamedTuple):
    """One answer as the caller got it. The sidecar's header names are in lower case."""

    status: int
    body: bytes
    headers: dict[str, str]
    seconds: float

    @property
    def verdict(self) -> str:
        """`x-anomaly-verdict` without its parameters; empty when there is none."""
        return self.headers.get("x-anomaly-verdict", "").partition(";")[0].strip()

    @property
    def score(self) -> float | None:
        """`x-anomaly-score`, or None when the call was not scored."""
        value = self.headers.get("x-anomaly-score")
        return None if value is None else float(value)

    @property
    def drift(self) -> str:
        """`x-drift-state` without its parameters; empty when there is none."""
        return self.headers.get("x-drift-state", "").partition(";")[0].strip()

    @property
    def p_fault(self) -> float:
        """What the model said of the first row."""
        return float(json.loads(self.body)["outputs"][0]["data"][0])


class Caller:
    """A client with one kept-alive connection to `url`, a model server or a sidecar before one."""

    def __init__(self, url: str, timeout: float = 10.0) -> None:
        self._connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def infer(self, rows: Rows, headers: dict[str, str] | None = None) -> Answer:
        """Ask the model about `rows`."""
        return self.post(INFER, infer_body(rows), headers)

    def post(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> Answer:
        """Send any body. Raises OSError or http.client.HTTPException when there is no whole answer."""
        began = time.perf_counter()
        self._connection.request("POST", path, body, {"Content-Type": "application/json", **(headers or {})})
        reply = self._connection.getresponse()
        content = reply.read()
        seconds = time.perf_counter() - began
        return Answer(reply.status, content, {k.lower(): v for k, v in reply.getheaders()}, seconds)


def infer_body(rows: Rows) -> bytes:
    """The V2 request for `rows`, one tensor."""
    tensor = {
        "name": "readings",
        "shape": list(rows.shape),
        "datatype": "FP64",
        "data": rows.ravel().tolist(),
    }
    return json.dumps({"inputs": [tensor]}).encode()


def traceparent() -> tuple[str, dict[str, str]]:
    """A new sampled trace: its id, and the header that carries it (W3C Trace Context)."""
    trace = secrets.token_hex(16)
    return trace, {"traceparent": f"00-{trace}-{secrets.token_hex(8)}-01"}


def interleaved(sides: Sequence[Callable[[int], float]], rounds: int) -> list[float]:
    """The median of what each of `sides` returns for rounds 0, 1, ..., called in turn.

    A machine that is busy for a while then slows all of them alike. The order is turned around in every
    other round: whoever comes second may find warmer caches.
    """
    results: list[list[float]] = [[] for _ in sides]
    for i in range(rounds):
        numbered = list(enumerate(sides))
        for k, side in numbered if i % 2 else reversed(numbered):
            results[k].append(side(i))
    return [statistics.median(values) for values in results]
