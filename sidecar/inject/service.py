"""Traffic `service`: a Service's targetPort leads to the sidecar, and nothing in the pod is redirected. Pure.

Only a Service that says `sidecar.observe/traffic: service` is touched, because a Service cannot see whether
its pods have a sidecar. Where it led before stands in the status annotation.
Counterpart: `sidecar.inject.pod`.
"""

from __future__ import annotations

import copy
from typing import Any

import msgspec

from sidecar import __version__
from sidecar.inject.annotations import STATUS, wishes
from sidecar.inject.pod import Injection
from sidecar.inject.ports import LISTEN
from sidecar.inject.reasons import Json, NotInjected


class Led(msgspec.Struct, frozen=True):
    """The status of a Service: which of its ports leads to the sidecar, and led where (None: by default)."""

    version: str
    port: int
    was: int | str | None
    now: int


def led(service: Json, *, asks: bool = False) -> Injection:
    """A Service with the model's port led to the sidecar. `asks`: also when it says nothing of `traffic`."""
    try:
        bare = undone(service)
        wished = wishes(bare.get("metadata") or {})
        if wished.inject is False:
            raise NotInjected("pod-says-no")
        if wished.traffic != "service" and not (asks and not wished.traffic):
            raise NotInjected("not-asked")
        place = _place(bare, wished.port)
    except NotInjected as why:
        return Injection(service, why.outcome, why.reason, str(why))
    after = copy.deepcopy(bare)
    port = after["spec"]["ports"][place]
    now = wished.listen_port or LISTEN
    status = Led(__version__, port["port"], port.get("targetPort"), now)
    port["targetPort"] = now
    metadata = after.setdefault("metadata", {})
    metadata["annotations"] = {
        **(metadata.get("annotations") or {}),
        STATUS: msgspec.json.encode(status).decode(),
    }
    return Injection(after, "injected", "injected", f"port {port['port']} leads to the sidecar on {now}")


def undone(service: Json) -> Json:
    """The Service as it was. Raises NotInjected for a status that was edited."""
    text = ((service.get("metadata") or {}).get("annotations") or {}).get(STATUS)
    if text is None:
        return service
    try:
        status = msgspec.json.decode(text, type=Led)
    except (msgspec.MsgspecError, TypeError) as error:
        raise NotInjected("bad-annotation", f"{STATUS} was edited: {error}.") from error
    service = copy.deepcopy(service)
    for port in service["spec"].get("ports") or []:
        if port.get("port") == status.port and port.get("targetPort") == status.now:
            if status.was is None:
                del port["targetPort"]
            else:
                port["targetPort"] = status.was
    del service["metadata"]["annotations"][STATUS]
    if not service["metadata"]["annotations"]:
        del service["metadata"]["annotations"]
    return service


def _place(service: Json, wanted: int) -> int:
    """Which of the Service's ports is the model's."""
    spec = service.get("spec")
    ports: Any = spec.get("ports") if isinstance(spec, dict) else None
    if not isinstance(ports, list) or not all(isinstance(one, dict) and "port" in one for one in ports):
        raise NotInjected("no-port", "The Service has no ports.")
    found = [
        place
        for place, one in enumerate(ports)
        if one.get("protocol", "TCP") == "TCP"
        and (not wanted or wanted in (one["port"], one.get("targetPort")))
        and not str(one.get("name") or "").startswith(("grpc", "metrics", "h2c"))
    ]
    if len(found) != 1:
        raise NotInjected(
            "several-ports" if found else "no-port", f"Of the Service's ports {len(found)} fit."
        )
    return found[0]
