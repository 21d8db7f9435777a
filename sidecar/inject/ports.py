"""Ports of the sidecar, in a pod whose containers have theirs: free ones are found, demanded ones checked.

Pure. Counterpart: `sidecar.inject.pod`.
"""

from __future__ import annotations

from typing import NamedTuple

from sidecar.inject.annotations import Wishes
from sidecar.inject.reasons import Json, NotInjected
from sidecar.inject.servers import asked_ports, ports

LISTEN, EGRESS, ADMIN, GRPC = 9700, 9701, 9702, 9703
STEP = 10
"""The next try where one of them is taken."""


class Ports(NamedTuple):
    """Where the sidecar listens; `moved` is where traffic `port` puts the model, or 0. `grpc`: 0 for a model
    whose gRPC is not led through it."""

    listen: int
    egress: int
    admin: int
    moved: int = 0
    grpc: int = 0


def used(pod: Json) -> set[int]:
    """Every port that the pod is seen to use."""
    spec = pod["spec"]
    containers = [*spec["containers"], *(spec.get("initContainers") or [])]
    declared = {one["containerPort"] for container in containers for one in ports(container)}
    asked = {port for container in containers for port in asked_ports(container)}
    return declared | {port for port in asked if isinstance(port, int)}


def choose(pod: Json, wished: Wishes, model_port: int, traffic: str) -> Ports:
    """Ports for the sidecar. Raises NotInjected when a demanded one is taken."""
    taken = used(pod) | {model_port, wished.grpc_port}
    moved = 0
    if traffic == "port":
        if model_port < 1024:
            raise NotInjected("privileged-port", f"The model's port is {model_port}.")
        listen = model_port
        moved = _free(
            wished.moved_port, model_port + 10_000 if model_port < 50_000 else model_port - 10_000, taken
        )
        taken.add(moved)
    else:
        listen = _free(wished.listen_port, LISTEN, taken | {wished.admin_port, wished.grpc_listen_port})
    taken.add(listen)
    admin = _free(wished.admin_port, ADMIN, taken | {wished.grpc_listen_port})
    taken.add(admin)
    grpc = _free(wished.grpc_listen_port, GRPC, taken) if wished.grpc_port else 0
    return Ports(listen, _free(0, EGRESS, taken | {grpc}), admin, moved, grpc)


def _free(demanded: int, usual: int, taken: set[int]) -> int:
    if demanded:
        if demanded in taken:
            raise NotInjected("no-free-port", f"Port {demanded} is taken.")
        return demanded
    port = usual
    while port in taken:
        port = port + STEP if port + STEP < 65_536 else usual % STEP + 10_000
    return port
