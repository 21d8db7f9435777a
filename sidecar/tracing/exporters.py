"""Where spans and metrics go: the exporters that OTEL_TRACES_EXPORTER, OTEL_METRICS_EXPORTER and the OTLP
variables ask for.

Exporters are found as the OpenTelemetry SDK finds them, by entry point, so one that is installed beside
sidecar works too. Endpoint, headers, time-outs, compression and certificates are read from the environment
by the exporter itself. What is asked for and cannot be had is logged in one line and left out.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any, NamedTuple

log = logging.getLogger(__name__)


class Signal(NamedTuple):
    """What is exported: its name in variables, the group of its entry points, its name in messages."""

    name: str
    group: str
    what: str


TRACES = Signal("TRACES", "opentelemetry_traces_exporter", "spans")
METRICS = Signal("METRICS", "opentelemetry_metrics_exporter", "metrics")

_OTLP = {
    # by protocol: entry point
    "grpc": "otlp_proto_grpc",
    "http/protobuf": "otlp_proto_http",
}
_INSTALL = {
    "otlp_proto_grpc": "pip install 'model-sidecar[otlp-grpc]'",
    "otlp_proto_http": "pip install opentelemetry-exporter-otlp-proto-http",
}


def wanted(environ: Mapping[str, str] = os.environ, signal: Signal = TRACES) -> tuple[str, ...]:
    """Names of the exporters asked for; none where nothing says where spans (or metrics) should go.

    The specification would send them to localhost:4318 by default. A sidecar whose owner never heard of
    OpenTelemetry shall not knock on doors, so without an endpoint OTEL_TRACES_EXPORTER must ask for `otlp`.
    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return ()
    asked = environ.get(f"OTEL_{signal.name}_EXPORTER", "").strip()
    if not asked:
        asked = "otlp" if _has_endpoint(environ, signal) else "none"
    names = [name.strip() for name in asked.split(",")]
    found = [_entry_point(name, environ, signal) for name in names if name not in ("", "none")]
    return tuple(dict.fromkeys(found))


def load(names: tuple[str, ...], signal: Signal = TRACES) -> list[Any]:
    """The exporters called `names`, those that can be had: SDK's SpanExporter or MetricExporter."""
    return [exporter for name in names if (exporter := _load(name, signal)) is not None]


def _has_endpoint(environ: Mapping[str, str], signal: Signal) -> bool:
    keys = (f"OTEL_EXPORTER_OTLP_{signal.name}_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    return any(environ.get(key, "").strip() for key in keys)


def _entry_point(name: str, environ: Mapping[str, str], signal: Signal) -> str:
    if name != "otlp":
        return name
    protocol = (
        environ.get(f"OTEL_EXPORTER_OTLP_{signal.name}_PROTOCOL", "").strip()
        or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "").strip()
        or "http/protobuf"
    )
    if protocol not in _OTLP:
        log.warning("OTLP protocol %s ignored, http/protobuf is used: give %s", protocol, " or ".join(_OTLP))
    return _OTLP.get(protocol, _OTLP["http/protobuf"])


def _load(name: str, signal: Signal) -> Any:
    try:
        found = next(iter(entry_points(group=signal.group, name=name)), None)
        if found is not None:
            return found.load()()
        reason: object = "it is not installed"
    except Exception as error:  # whatever an exporter finds wrong with its variables or its imports
        reason = error
    advice = f": {_INSTALL[name]}" if name in _INSTALL else f", see OTEL_{signal.name}_EXPORTER"
    log.error("no %s are exported by %s, %s%s", signal.what, name, reason, advice)
    return None
