"""A captured call as two CloudEvents, request and response, the way KServe's logger sends them. Pure.

Binary mode of the HTTP binding: attributes are header fields, the body is the data. What KServe's consumers
read (`Ce-Inferenceservicename` and its companions) is as there; `traceparent` and `sampledrate` are official
extensions; the last six are ours. A pair shares its id, which is the request's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from sidecar.exchange import Captured, Headers, Record, header

TYPE = "org.kubeflow.serving.inference"
OCTETS = "application/octet-stream"

MOST_TEXT = 4096
"""Characters of one attribute."""


class Event(NamedTuple):
    """One event, ready to be posted."""

    headers: dict[str, str]
    body: bytes


class Origin(NamedTuple):
    """Who speaks: the attributes that all events of a sidecar share."""

    source: str
    service: str
    namespace: str


def events(record: Record, origin: Origin, now: float) -> Iterator[Event]:
    """The request, then the response. `now`: when they are sent, in Unix seconds."""
    captured = record.captured
    if captured is None:
        return
    common = _common(record, captured, origin, now)
    begun, ended = record.started_ns / 1e9, (record.started_ns + record.ended_ns) / 1e9
    yield _event(
        common | {"type": f"{TYPE}.request", "time": _time(begun)},
        captured.request_headers,
        captured.request_body,
        captured.request_truncated,
    )
    answer = {"type": f"{TYPE}.response", "time": _time(ended), "status": str(record.status)}
    yield _event(
        common | answer, captured.response_headers, captured.response_body, captured.response_truncated
    )


def _common(record: Record, captured: Captured, origin: Origin, now: float) -> dict[str, str]:
    span = record.span
    return {
        "specversion": "1.0",
        "id": record.id,
        "source": origin.source,
        "recordedtime": _time(now),
        "inferenceservicename": origin.service,
        "namespace": origin.namespace,
        "component": "predictor",
        "endpoint": record.target.partition("?")[0],
        "metadata": _metadata(captured.request_headers),
        "traceparent": f"00-{span.trace}-{span.server}-{'01' if span.sampled else '00'}",
        "sampledrate": str(max(1, round(record.weight))),
        "anomalyverdict": record.verdict,
        "anomalyscore": "" if math.isnan(record.p) else f"{1.0 - record.p:.6f}",
        "failure": record.failure,
    }


def _event(attributes: dict[str, str], fields: Headers, body: bytes, truncated: bool) -> Event:
    headers = {f"Ce-{name.capitalize()}": _encoded(value) for name, value in attributes.items() if value}
    if truncated:
        headers["Ce-Truncated"] = "true"
    media = header(fields, b"content-type") or b""
    headers["Content-Type"] = _encoded(media.decode("latin-1"), kept=' "') or OCTETS
    return Event(headers, body)


def _metadata(fields: Headers) -> str:
    """As KServe writes request headers: a JSON object of lists. Fields for which there is no room are left
    out, because what is cut is no JSON."""
    values: dict[str, list[str]] = {}
    told = ""
    for name, value in fields:
        ours = values.setdefault(name.decode("latin-1").lower(), [])
        ours.append(value.decode("latin-1"))
        text = json.dumps({key: one for key, one in values.items() if one}, separators=(",", ":"))
        if len(text) > MOST_TEXT:
            ours.pop()
        else:
            told = text
    return told


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _encoded(value: str, kept: str = "") -> str:
    """As the HTTP binding wants it (3.1.3.2): blanks, quotes, percent signs and whatever isn't printable
    ASCII as percent-encoded UTF-8."""
    return "".join(
        char
        if ("!" <= char <= "~" and char not in '"%') or char in kept
        else "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "replace"))
        for char in value[:MOST_TEXT]
    )
