"""What an API server checks of a pod: the schemas of three minor versions, and the rules that no schema says.

The rules are those of Kubernetes' own validation (`pkg/apis/core/validation`), as far as an injector can
break them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import kubernetes_validate

from sidecar.inject.resources import quantity

VERSIONS = ("1.33", "1.35", "1.37")

NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
LABEL = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9])?")
PORT_NAME = re.compile(r"(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*")
ONLY_RUNNING = ("startupProbe", "readinessProbe", "livenessProbe", "lifecycle")


def valid_in_schemas(thing: dict[str, Any]) -> None:
    """Raises for what a schema refuses, also for fields that it does not know."""
    for version in VERSIONS:
        kubernetes_validate.validate(thing, version, strict=True)


def wrong(pod: dict[str, Any]) -> list[str]:
    """Everything that an API server would refuse."""
    return list(_wrong(pod))


def _wrong(pod: dict[str, Any]) -> Iterator[str]:
    spec, metadata = pod["spec"], pod.get("metadata") or {}
    for value in (metadata.get("labels") or {}).values():
        if not LABEL.fullmatch(value):
            yield f"label value {value!r}"
    if sum(len(k) + len(v) for k, v in (metadata.get("annotations") or {}).items()) > 256 * 1024:
        yield "annotations over 256 KiB"
    inits = spec.get("initContainers") or []
    containers = [*spec["containers"], *inits]
    yield from _twice("container", [one["name"] for one in containers])
    yield from _twice("volume", [one["name"] for one in spec.get("volumes") or []])
    volumes = {one["name"] for one in spec.get("volumes") or []}
    for one in containers:
        yield from (f"{one['name']}: {what}" for what in _wrong_container(one, volumes))
    for one in inits:
        if one.get("restartPolicy") != "Always" and any(field in one for field in ONLY_RUNNING):
            yield f"{one['name']}: an init container with probes"
    total = spec.get("resources") or {}
    for name in ("cpu", "memory"):
        asked = sum(
            quantity((one.get("resources") or {}).get("requests", {}).get(name, 0))
            for one in spec["containers"]
        )
        limit = (total.get("requests") or total.get("limits") or {}).get(name)
        if limit is not None and asked > quantity(limit):
            yield f"containers ask for more {name} than the pod has"


def _wrong_container(one: dict[str, Any], volumes: set[str]) -> Iterator[str]:
    if not NAME.fullmatch(one["name"]):
        yield "name"
    if not one.get("image"):
        yield "no image"
    ports = one.get("ports") or []
    yield from _twice("port name", [port["name"] for port in ports if port.get("name")])
    for port in ports:
        name = port.get("name")
        if name is not None and (len(name) > 15 or not PORT_NAME.fullmatch(name)):
            yield f"port name {name}"
    mounts = one.get("volumeMounts") or []
    yield from _twice("mount path", [mount["mountPath"] for mount in mounts])
    yield from (f"no volume {mount['name']}" for mount in mounts if mount["name"] not in volumes)
    resources = one.get("resources") or {}
    for name, request in (resources.get("requests") or {}).items():
        if name in (resources.get("limits") or {}) and quantity(request) > quantity(
            resources["limits"][name]
        ):
            yield f"{name} request over its limit"
    for variable in one.get("env") or []:
        if "value" in variable and not isinstance(variable["value"], str):
            yield f"variable {variable['name']} is no text"
    yield from _wrong_probes(one, {port["name"] for port in ports if port.get("name")})


def _wrong_probes(one: dict[str, Any], names: set[str]) -> Iterator[str]:
    hooks = one.get("lifecycle") or {}
    handlers = {kind: one[kind] for kind in ONLY_RUNNING[:3] if kind in one} | dict(hooks.items())
    for kind, handler in handlers.items():
        actions = [name for name in ("httpGet", "tcpSocket", "grpc", "exec", "sleep") if name in handler]
        if len(actions) != 1:
            yield f"{kind}: {len(actions)} actions"
        for action in actions:
            port = handler[action].get("port")
            if isinstance(port, int) and not 0 < port < 65536:
                yield f"{kind}: port {port}"
            if isinstance(port, str) and port not in names:
                yield f"{kind}: no port {port}"


def _twice(what: str, names: list[str]) -> Iterator[str]:
    return (f"{what} {name} twice" for name in {one for one in names if names.count(one) > 1})


def breaks_restricted(pod: dict[str, Any], container: str) -> list[str]:
    """What Pod Security `restricted` would not admit in one container."""
    spec = pod["spec"]
    one = next(
        c for c in [*spec["containers"], *(spec.get("initContainers") or [])] if c["name"] == container
    )
    context, whole = one.get("securityContext") or {}, spec.get("securityContext") or {}
    seccomp = (context.get("seccompProfile") or whole.get("seccompProfile") or {}).get("type")
    capabilities = context.get("capabilities") or {}
    rules = {
        "privileged": not context.get("privileged"),
        "allowPrivilegeEscalation": context.get("allowPrivilegeEscalation") is False,
        "runAsNonRoot": context.get("runAsNonRoot", whole.get("runAsNonRoot")) is True,
        "runAsUser": context.get("runAsUser", whole.get("runAsUser")) != 0,
        "seccompProfile": seccomp in ("RuntimeDefault", "Localhost"),
        "drop": "ALL" in capabilities.get("drop", []),
        "add": set(capabilities.get("add", [])) <= {"NET_BIND_SERVICE"},
        "hostPort": not any(port.get("hostPort") for port in one.get("ports") or []),
    }
    return [name for name, kept in rules.items() if not kept]
