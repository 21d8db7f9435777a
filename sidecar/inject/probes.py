"""Probes and hooks once the sidecar takes the model's port: each must still mean what it meant. Pure.

    httpGet    goes through the sidecar to the model, time-out and all: it stays as it is
    tcpSocket  would only find the sidecar, so it asks the model's new port (traffic `port`), or becomes a
               question to the sidecar whether the model accepts connections (traffic `redirect`)
    grpc       on the model's port for gRPC goes through the sidecar and stays; on that for HTTP it shows that
               the port is not HTTP/1.1, and the pod is refused
    exec       runs inside the container, and is not touched

Whatever asks another port, or another host, stays. Counterpart: `sidecar.console.health`, which answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sidecar.inject.reasons import Json, NotInjected
from sidecar.inject.servers import ports

MODEL_ACCEPTS = "/probe/model"
MODEL_ACCEPTS_GRPC = "/probe/model/grpc"
"""Paths on the admin port: 200 when the model accepts a connection."""

KINDS = ("startupProbe", "readinessProbe", "livenessProbe")
HOOKS = ("postStart", "preStop")


def rewritten(
    container: Json, model_port: int, moved: int, admin: int, grpc_port: int = 0
) -> Iterator[tuple[tuple[str, ...], Json]]:
    """The fields of a container that change, each as its path and its new value.

    `moved`: where traffic `port` has put the model, or 0. `admin`: the port to ask about the model otherwise.
    `grpc_port`: the model's port for gRPC, if that is redirected, too, or 0.
    Raises NotInjected for a probe that shows that the port can't be read.
    """
    names = named(container)
    for path, handler in _handlers(container):
        kind = next(
            (kind for kind in ("httpGet", "tcpSocket", "grpc") if isinstance(handler.get(kind), dict)), ""
        )
        if grpc_port and kind == "tcpSocket" and _asks(handler[kind], names, grpc_port):
            yield path, _asked_of(handler, MODEL_ACCEPTS_GRPC, admin)
        if not kind or not _asks(handler[kind], names, model_port):
            continue
        where = f"{container['name']}: {'.'.join(path)}."
        if kind == "grpc":
            raise NotInjected("not-http", f"{where} asks the model's port by gRPC.")
        if kind == "httpGet" and handler[kind].get("scheme") == "HTTPS":
            raise NotInjected("model-tls", f"{where} asks the model's port by HTTPS.")
        if kind == "tcpSocket":
            if moved:
                yield path, {**_without(handler), "tcpSocket": {**handler[kind], "port": moved}}
            else:
                yield path, _asked_of(handler, MODEL_ACCEPTS, admin)


def _asked_of(handler: Json, path: str, admin: int) -> Json:
    """A TCP probe as a question to the sidecar, all else kept."""
    return {**_without(handler), "httpGet": {"path": path, "port": admin}}


def _without(handler: Json) -> Json:
    return {key: value for key, value in handler.items() if key != "tcpSocket"}


def speaks_tls(container: Json, model_port: int) -> str:
    """The probe that shows that the model's port speaks TLS, or empty."""
    names = named(container)
    for path, handler in _handlers(container):
        get = handler.get("httpGet")
        if isinstance(get, dict) and get.get("scheme") == "HTTPS" and _asks(get, names, model_port):
            return ".".join(path)
    return ""


def named(container: Json) -> Json:
    """Port numbers by name."""
    return {one["name"]: one["containerPort"] for one in ports(container) if one.get("name")}


def _handlers(container: Json) -> Iterator[tuple[tuple[str, ...], Json]]:
    for kind in KINDS:
        if isinstance(container.get(kind), dict):
            yield (kind,), container[kind]
    hooks = container.get("lifecycle") or {}
    for hook in HOOKS:
        if isinstance(hooks.get(hook), dict):
            yield ("lifecycle", hook), hooks[hook]


def _asks(action: Json, names: Json, model_port: int) -> bool:
    port: Any = action.get("port")
    return not action.get("host") and names.get(port, port) == model_port
