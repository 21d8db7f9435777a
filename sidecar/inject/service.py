"""Traffic `service`: a Service's targetPort leads to the sidecar, and nothing in the pod is redirected. Pure.

Only a Service that says `sidecar.observe/traffic: service` is touched, because a Service cannot see whether
its pods have a sidecar. Where it led before stands in the status annotation.
Counterpart: `sidecar.inject.pod`.
"""

from __future__ import annotations

import copy

import msgspec

from sidecar import __version__
from sidecar.inject import shape
from sidecar.inject.annotations import STATUS, Wishes, wishes
from sidecar.inject.pod import Injection
from sidecar.inject.ports import GRPC, LISTEN
from sidecar.inject.reasons import Json, NotInjected


class Turned(msgspec.Struct, frozen=True):
    """One port of a Service that leads to the sidecar, and led where (None: by default)."""

    port: int
    was: int | str | None
    now: int


class Led(msgspec.Struct, frozen=True, omit_defaults=True):
    """The status of a Service: its port that leads to the sidecar, as in `Turned`, and that for gRPC."""

    version: str
    port: int
    was: int | str | None
    now: int
    grpc: Turned | None = None


def led(service: Json, *, asks: bool = False) -> Injection:
    """A Service with the model's port led to the sidecar. `asks`: also when it says nothing of `traffic`."""
    try:
        bare = undone(service)
        wished = wishes(bare.get("metadata") or {})
        if wished.inject is False:
            raise NotInjected("pod-says-no")
        if wished.traffic != "service" and not (asks and not wished.traffic):
            raise NotInjected("not-asked")
        place = _place(bare, wished)
        grpc = _grpc_place(bare, wished.grpc_port) if wished.grpc_port else None
    except NotInjected as why:
        return Injection(service, why.outcome, why.reason, str(why))
    after = copy.deepcopy(bare)
    first = _turn(after["spec"]["ports"][place], wished.listen_port or LISTEN)
    second = None
    said = f"port {first.port} leads to the sidecar on {first.now}"
    if grpc is not None:
        second = _turn(after["spec"]["ports"][grpc], wished.grpc_listen_port or GRPC)
        said += f", {second.port} to {second.now}"
    status = Led(__version__, first.port, first.was, first.now, second)
    metadata = after["metadata"] = after.get("metadata") or {}
    metadata["annotations"] = {
        **(metadata.get("annotations") or {}),
        STATUS: msgspec.json.encode(status).decode(),
    }
    return Injection(after, "injected", "injected", said)


def _turn(port: Json, now: int) -> Turned:
    turned = Turned(port["port"], port.get("targetPort"), now)
    port["targetPort"] = now
    return turned


def undone(service: Json) -> Json:
    """The Service as it was. Raises NotInjected for what is no Service, and for a status that was edited."""
    shape.check(service, shape.Service)
    text = ((service.get("metadata") or {}).get("annotations") or {}).get(STATUS)
    if text is None:
        return service
    try:
        status = msgspec.json.decode(text, type=Led)
    except (msgspec.MsgspecError, TypeError) as error:
        raise NotInjected("bad-annotation", f"{STATUS} was edited: {error}.") from error
    service = copy.deepcopy(service)
    for port in (service.get("spec") or {}).get("ports") or []:
        for turned in (Turned(status.port, status.was, status.now), status.grpc):
            if turned and (port.get("port"), port.get("targetPort")) == (turned.port, turned.now):
                if turned.was is None:
                    del port["targetPort"]
                else:
                    port["targetPort"] = turned.was
    del service["metadata"]["annotations"][STATUS]
    if not service["metadata"]["annotations"]:
        del service["metadata"]["annotations"]
    return service


def _ports(service: Json) -> list[Json]:
    ports: list[Json] = (service.get("spec") or {}).get("ports") or []
    if not ports:
        raise NotInjected("no-port", "The Service has no ports.")
    return ports


def _grpc_place(service: Json, wanted: int) -> int:
    """Which of the Service's ports is the model's for gRPC: by its number, else the one that is called so."""
    ports = _ports(service)
    numbers = [place for place, one in enumerate(ports) if wanted in (one["port"], one.get("targetPort"))]
    named = [
        place
        for place, one in enumerate(ports)
        if str(one.get("name") or "").startswith("grpc") or one.get("appProtocol") == "grpc"
    ]
    found = numbers or named
    if len(found) != 1:
        raise NotInjected(
            "several-ports" if found else "no-port", f"Of the Service's ports {len(found)} fit {wanted}."
        )
    return found[0]


def _place(service: Json, wished: Wishes) -> int:
    """Which of the Service's ports is the model's."""
    wanted, grpc = wished.port, wished.grpc_port
    found = [
        place
        for place, one in enumerate(_ports(service))
        if one.get("protocol", "TCP") == "TCP"
        and (not wanted or wanted in (one["port"], one.get("targetPort")))
        and not (grpc and grpc in (one["port"], one.get("targetPort")))
        and not str(one.get("name") or "").startswith(("grpc", "metrics", "h2c"))
    ]
    if len(found) != 1:
        raise NotInjected(
            "several-ports" if found else "no-port", f"Of the Service's ports {len(found)} fit."
        )
    return found[0]
