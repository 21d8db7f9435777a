"""Where spans go: the exporters that OTEL_TRACES_EXPORTER and the OTLP variables ask for.

Exporters are found as the OpenTelemetry SDK finds them, by entry point, so one that is installed beside
sidecar works too. Endpoint, headers, time-outs, compression and certificates are read from the environment
by the exporter itself. What is asked for and cannot be had is logged in one line and left out.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

log = logging.getLogger(__name__)

_GROUP = "opentelemetry_traces_exporter"

_OTLP = {
    # by protocol: entry point
    "grpc": "otlp_proto_grpc",
    "http/protobuf": "otlp_proto_http",
}
_INSTALL = {
    "otlp_proto_grpc": "pip install 'model-sidecar[otlp-grpc]'",
    "otlp_proto_http": "pip install opentelemetry-exporter-otlp-proto-http",
}


def wanted(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Names of the exporters asked for; none where nothing says where spans should go.

    The specification would send spans to localhost:4318 by default. A sidecar whose owner never heard of
    OpenTelemetry shall not knock on doors, so without an endpoint OTEL_TRACES_EXPORTER must ask for `otlp`.
    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return ()
    asked = environ.get("OTEL_TRACES_EXPORTER", "").strip()
    if not asked:
        asked = "otlp" if _has_endpoint(environ) else "none"
    names = [name.strip() for name in asked.split(",")]
    return tuple(dict.fromkeys(_entry_point(name, environ) for name in names if name not in ("", "none")))


def load(names: tuple[str, ...]) -> list[SpanExporter]:
    """The exporters called `names`, those that can be had."""
    return [exporter for name in names if (exporter := _load(name)) is not None]


def _has_endpoint(environ: Mapping[str, str]) -> bool:
    keys = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    return any(environ.get(key, "").strip() for key in keys)


def _entry_point(name: str, environ: Mapping[str, str]) -> str:
    if name != "otlp":
        return name
    protocol = (
        environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "").strip()
        or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "").strip()
        or "http/protobuf"
    )
    if protocol not in _OTLP:
        log.warning("OTLP protocol %s ignored, http/protobuf is used: give %s", protocol, " or ".join(_OTLP))
    return _OTLP.get(protocol, _OTLP["http/protobuf"])


def _load(name: str) -> SpanExporter | None:
    try:
        found = next(iter(entry_points(group=_GROUP, name=name)), None)
        if found is not None:
            exporter: SpanExporter = found.load()()
            return exporter
        reason: object = "it is not installed"
    except Exception as error:  # whatever an exporter finds wrong with its variables or its imports
        reason = error
    advice = f": {_INSTALL[name]}" if name in _INSTALL else ", see OTEL_TRACES_EXPORTER"
    log.error("no spans are exported by %s, %s%s", name, reason, advice)
    return None
