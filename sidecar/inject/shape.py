"""Of which type the parts of pods and Services must be that decisions are made of. Pure.

An API server has seen to this for what comes in a review. Of a manifest nobody has, and there a list where
a mapping belongs is found by name, not by a failure in the middle of a decision. Whatever is not read here
may be anything. Counterparts: `sidecar.inject.pod` and `service`, which decide about what has this shape.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import msgspec

from sidecar.inject.reasons import Json, NotInjected

Port: TypeAlias = int | str
Quantity: TypeAlias = str | int | float


class _Named(msgspec.Struct):
    name: str | None = None


class _Action(msgspec.Struct):
    """`httpGet`, `tcpSocket` or `grpc`."""

    port: Port | None = None


class _Handler(msgspec.Struct, rename="camel"):
    http_get: _Action | None = None
    tcp_socket: _Action | None = None
    grpc: _Action | None = None


class _Hooks(msgspec.Struct, rename="camel"):
    post_start: _Handler | None = None
    pre_stop: _Handler | None = None


class _ContainerPort(msgspec.Struct, rename="camel"):
    container_port: int = 0
    name: str | None = None


class _Resources(msgspec.Struct):
    limits: dict[str, Quantity] | None = None
    requests: dict[str, Quantity] | None = None


class _Security(msgspec.Struct, rename="camel"):
    run_as_user: int | None = None


class _Container(msgspec.Struct, rename="camel"):
    name: str
    args: list[str] | None = None
    command: list[str] | None = None
    env: list[_Named] | None = None
    ports: list[_ContainerPort] | None = None
    startup_probe: _Handler | None = None
    readiness_probe: _Handler | None = None
    liveness_probe: _Handler | None = None
    lifecycle: _Hooks | None = None
    resources: _Resources | None = None
    security_context: _Security | None = None


class _Spec(msgspec.Struct, rename="camel"):
    containers: Annotated[list[_Container], msgspec.Meta(min_length=1)]
    init_containers: list[_Container] | None = None
    volumes: list[_Named] | None = None
    image_pull_secrets: list[_Named] | None = None
    security_context: _Security | None = None
    node_selector: dict[str, Any] | None = None
    os: _Named | None = None
    termination_grace_period_seconds: int | None = None


class _Metadata(msgspec.Struct):
    annotations: dict[str, Any] | None = None
    labels: dict[str, Any] | None = None


class Object(msgspec.Struct):
    """Anything of a manifest."""

    metadata: _Metadata | None = None


class Pod(Object, kw_only=True):
    """A pod, or a template of one."""

    spec: _Spec


class _ServicePort(msgspec.Struct, rename="camel"):
    port: Port
    target_port: Port | None = None


class _ServiceSpec(msgspec.Struct):
    ports: list[_ServicePort] | None = None


class Service(Object, kw_only=True):
    """A Service."""

    spec: _ServiceSpec | None = None


def check(thing: Json, shape: type[Object]) -> None:
    """Raises NotInjected("not-a-template") saying what is of another type, and where."""
    try:
        msgspec.convert(thing, shape)
    except msgspec.ValidationError as error:
        raise NotInjected("not-a-template", f"{error}.") from error
