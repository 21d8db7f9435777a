"""What a span says: a Record as names and attributes, by OpenTelemetry's conventions for HTTP.

Pure: nothing of the SDK is needed to read or test it. Sources: semantic conventions for HTTP spans (stable),
for peers (`peer.service` and its successor), for evaluation events (`gen_ai.evaluation.result`). What they
have no name for stands under `sidecar.`. Counterpart: `sidecar.tracing.pipeline`, which makes spans of it.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias
from urllib.parse import SplitResult, urlsplit

import msgspec

from sidecar.codecs.codec import media_type
from sidecar.errors import FAILURES, Failure
from sidecar.exchange import DetectorScore, Outbound, Record, header
from sidecar.settings import Settings
from sidecar.tracing import gen_ai
from sidecar.tracing.keep import Reason
from sidecar.tracing.routes import route

Value: TypeAlias = str | int | float | bool | Sequence[str] | Sequence[int]
Attributes: TypeAlias = Mapping[str, Value]

METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"})
"""Methods that stand in a span as they are; any other is `_OTHER`, and `HTTP` in the name."""

SERVER_ERRORS = 500
CLIENT_ERRORS = 400
"""Statuses from here on are errors: towards the caller a 4xx is his doing, towards the model it is ours."""

MAX_TEXT = 2048
"""Characters of any one value that callers choose, so that a queue of spans stays small."""
MAX_ITEMS = 64
"""Items of any one list."""
MAX_DETECTORS = 16
"""Detectors told one by one; two attributes each, and a span holds 128 by default."""

_SECRETS = ("AWSAccessKeyId", "Signature", "sig", "X-Goog-Signature", "X-Amz-Signature", "X-Amz-Credential")
_SECRET = re.compile(rf"(?<![^&])({'|'.join((*_SECRETS, 'X-Amz-Security-Token'))})=[^&]*")


class Facts(NamedTuple):
    """All that a span says besides whose it is and when it was."""

    name: str
    attributes: Attributes
    error: str
    """`error.type`; empty: the span's status stays unset."""
    description: str
    """Of the error, where the status code doesn't say it all."""


class Model(NamedTuple):
    """Where the model takes calls, as spans name it."""

    url: str
    """Scheme and authority, without credentials."""
    address: str
    port: int


class Ends(msgspec.Struct, frozen=True):
    """The two ends of the sidecar as spans name them: where callers come in, where the model is."""

    scheme: str
    address: str
    port: int
    model: Model
    grpc: Model
    """The same model, where it takes gRPC."""
    service: str
    """Our own `service.name`."""


def ends(settings: Settings, service: str) -> Ends:
    """The ends that `settings` name."""
    address, _, port = settings.listen.rpartition(":")
    scheme = "https" if settings.tls_cert else "http"
    model = _model(settings.upstream)
    grpc = _model(settings.grpc_upstream) if settings.grpc_upstream else model
    return Ends(scheme, address.strip("[]"), int(port), model, grpc, service)


def _model(url: str) -> Model:
    if url.startswith("unix:"):
        return Model("http://localhost", url.removeprefix("unix:"), 0)
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return Model(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", parts.hostname or "", port)


def server(record: Record, ends: Ends, kept: Reason, drift: str) -> Facts:
    """The SERVER span: the call as its caller saw it."""
    path, query = _path_and_query(record.target)
    template = route(path)
    error, description = _error(record, record.status, SERVER_ERRORS)
    address, port = _host(record, ends)
    # Ours come first: at its limit the SDK gives up the oldest, and the conventions' own must stay.
    attributes: dict[str, Value] = {
        **_judgement(record, drift),
        "sidecar.request.id": _text(record.id),
        "sidecar.kept": kept,
        "http.request.method": record.method if record.method in METHODS else "_OTHER",
        "url.path": _text(path),
        "url.scheme": ends.scheme,
        "server.address": address,
        "network.protocol.name": "http",
    }
    _add(attributes, "sidecar.failure", record.failure)
    _add(attributes, "http.request.method_original", _original(record))
    _add(attributes, "http.route", template)
    _add(attributes, "http.response.status_code", record.status)
    _add(attributes, "url.query", _text(_redacted(query)))
    _add(attributes, "server.port", port)
    _add(attributes, "client.address", record.client)
    _add(attributes, "network.peer.address", record.client)
    _add(attributes, "user_agent.original", _text(header(record.request_headers, b"user-agent") or b""))
    _add(attributes, "error.type", error)
    return Facts(_name(record, template), attributes, error, description)


def client(record: Record, ends: Ends) -> Facts:
    """The CLIENT span: the same call as the model was asked it."""
    path, query = _path_and_query(record.target)
    template = route(path)
    status = _models_status(record)
    error, description = _error(record, status, CLIENT_ERRORS)
    tail = f"?{_redacted(query)}" if query else ""
    model = ends.grpc if _over_grpc(record) else ends.model
    attributes: dict[str, Value] = {
        **gen_ai.attributes(record),
        "http.request.method": record.method if record.method in METHODS else "_OTHER",
        "url.full": _text(f"{model.url}{path}{tail}"),
        "server.address": model.address,
        "network.protocol.name": "http",
    }
    _add(attributes, "sidecar.failure", record.failure)
    _add(attributes, "http.request.method_original", _original(record))
    _add(attributes, "url.template", template)
    _add(attributes, "http.response.status_code", status)
    _add(attributes, "server.port", model.port)
    _add(attributes, "error.type", error)
    peer = _peer(record, status, model.address, ends)
    _add(attributes, "peer.service", peer)
    _add(attributes, "service.peer.name", peer)
    _add(attributes, "sidecar.model.name", _text(record.model))
    _add(attributes, "sidecar.model.version", _text(record.version))
    return Facts(_name(record, template), attributes, error, description)


def outbound(call: Outbound) -> Facts:
    """The CLIENT span of a call that the model made itself, through the egress."""
    record = call.record
    tunnel = record.method == "CONNECT"
    target = _place(f"//{record.target}" if tunnel else record.target)
    path, query = _path_and_query("" if tunnel else record.target)
    template = "" if tunnel else route(path)
    status = _models_status(record)
    error, description = _error(record, status, CLIENT_ERRORS)
    attributes: dict[str, Value] = {
        "http.request.method": record.method if record.method in METHODS else "_OTHER",
        "network.protocol.name": "http",
        "peer.service": _text(call.to),
        "service.peer.name": _text(call.to),
        "sidecar.joined": call.joined.how,
        "sidecar.joined.confidence": call.joined.confidence,
        "sidecar.request.id": _text(record.id),
    }
    if target.scheme:
        tail = f"?{_redacted(query)}" if query else ""
        attributes["url.full"] = _text(f"{target.scheme}://{target.netloc.rpartition('@')[2]}{path}{tail}")
    _add(attributes, "sidecar.failure", record.failure)
    _add(attributes, "http.request.method_original", _original(record))
    _add(attributes, "url.template", template)
    _add(attributes, "http.response.status_code", status)
    _add(attributes, "server.address", _text(target.hostname or ""))
    _add(attributes, "server.port", _port(target))
    _add(attributes, "error.type", error)
    return Facts(_name(record, template), attributes, error, description)


def _place(url: str) -> SplitResult:
    """The parts of a URL; none where its host was redacted, which left brackets that no address has."""
    try:
        return urlsplit(url)
    except ValueError:
        return SplitResult("", "", "", "", "")


def _port(target: SplitResult) -> int:
    if not target.netloc:
        return 0
    try:
        return target.port or (443 if target.scheme == "https" else 80)
    except ValueError:
        return 0


def evaluation(record: Record) -> Attributes | None:
    """The attributes of the event `gen_ai.evaluation.result`, or None for a call without a score."""
    if math.isnan(record.p):
        return None
    attributes: dict[str, Value] = {
        "gen_ai.evaluation.name": "anomaly",
        "gen_ai.evaluation.score.value": 1.0 - record.p,
        "gen_ai.evaluation.score.label": record.verdict,
    }
    _add(attributes, "gen_ai.evaluation.explanation", "; ".join(_explained(record.detectors)))
    return attributes


def _judgement(record: Record, drift: str) -> dict[str, Value]:
    """Everything that scoring, policy and windows have to say of this call."""
    attributes: dict[str, Value] = {}
    for detector in record.detectors[:MAX_DETECTORS]:
        attributes[f"sidecar.detector.{detector.name}.raw"] = detector.raw
        attributes[f"sidecar.detector.{detector.name}.p"] = detector.p
    attributes["sidecar.verdict"] = record.verdict
    attributes["sidecar.policy.action"] = record.action
    attributes["sidecar.policy.rule"] = record.rule
    if not math.isnan(record.p):
        attributes["sidecar.p"] = record.p
        attributes["sidecar.score"] = 1.0 - record.p
    _add(attributes, "sidecar.reason", _text(record.reason))
    _add(attributes, "sidecar.rows", record.rows)
    _add(attributes, "sidecar.rows.flagged", record.flagged[:MAX_ITEMS])
    _add(attributes, "sidecar.codec", record.codec)
    _add(attributes, "sidecar.model.name", _text(record.model))
    _add(attributes, "sidecar.model.version", _text(record.version))
    _add(attributes, "sidecar.baseline", record.baseline)
    _add(attributes, "sidecar.drift.state", drift)
    return attributes


def _explained(detectors: tuple[DetectorScore, ...]) -> list[str]:
    return [
        f"{one.name}: p={one.p:.4g} raw={one.raw:.4g}"
        + (f" mostly {', '.join(_text(name)[:64] for name in one.top[:5])}" if one.top else "")
        for one in detectors[:MAX_DETECTORS]
    ]


# -- errors: who is to blame decides which span is red --------------------------------------------------


def _fault(record: Record) -> Failure | None:
    """What broke on this side of the caller, if something did. A caller who left has had no error."""
    failure = FAILURES.get(record.failure)
    return failure if failure is not None and failure.status >= 500 else None


def _error(record: Record, status: int, errors_from: int) -> tuple[str, str]:
    if (fault := _fault(record)) is not None:
        return record.failure, fault.title
    return (str(status), "") if status >= errors_from else ("", "")


def _models_status(record: Record) -> int:
    """The status that the model itself sent, or 0: after a failure it may be ours."""
    failure = FAILURES.get(record.failure)
    ours = failure is not None and record.status == failure.status
    return record.status if record.first_byte_ns and not ours else 0


# -- single attributes ----------------------------------------------------------------------------------


def _add(attributes: dict[str, Value], key: str, value: Value) -> None:
    """Set what is there; the conventions want no empty values."""
    if value or value is False:
        attributes[key] = value


def _name(record: Record, template: str) -> str:
    method = record.method if record.method in METHODS else "HTTP"
    return f"{method} {template}" if template else method


def _original(record: Record) -> str:
    return "" if record.method in METHODS else _text(record.method)


def _text(value: str | bytes) -> str:
    """Text from outside: bounded, and valid UTF-8, because one bad string would cost a whole batch."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    return value[:MAX_TEXT].encode("utf-8", "replace").decode()


def _path_and_query(target: str) -> tuple[str, str]:
    if not target.startswith("/") and "://" in target:
        target = "/" + target.partition("://")[2].partition("/")[2]
    path, _, query = target.partition("?")
    return path or "/", query


def _redacted(query: str) -> str:
    return _SECRET.sub(r"\1=REDACTED", query)


def _host(record: Record, ends: Ends) -> tuple[str, int]:
    """Where the caller thinks it called: the Host header, else where we listen. Port 0: not said."""
    host = record.host or (header(record.request_headers, b"host") or b"").decode("latin-1")
    if not host:
        return ends.address, ends.port
    name, colon, port = host.rpartition(":")
    if colon and port.isascii() and port.isdigit() and len(port) <= 5:
        return _text(name.strip("[]")) or ends.address, int(port)
    return _text(host.strip("[]")) or ends.address, 0


def _peer(record: Record, status: int, address: str, ends: Ends) -> str:
    """The model's name for a service graph: what it is called, else where it is.

    A name that the model server doesn't know (404) is somebody's invention and would litter the graph. Our
    own name is left out: an edge from a service to itself says nothing.
    """
    place = "model" if _is_local(address) else address
    name = _text(record.model) if record.model and status != 404 else place
    return "" if name == ends.service else name


def _over_grpc(record: Record) -> bool:
    """Whatever its messages are written in ("gRPC over HTTP2", Content-Type)."""
    media = media_type(record.request_headers)
    return media == b"application/grpc" or media.startswith(b"application/grpc+")


def _is_local(address: str) -> bool:
    """An address that every pod has, and that names nobody."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost" or address.startswith("/") or not address
