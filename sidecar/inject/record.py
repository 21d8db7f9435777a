"""What an injection changed, written into the pod itself, so that it can be undone and done again. Pure.

Pods are injected again and again: another webhook adds a container and ours is asked once more, a backup
is restored, somebody copies a pod. So an injection always begins with undoing the last one, by name and never
by place, and a value is only put back where ours still stands. Counterpart: `sidecar.inject.pod`.
"""

from __future__ import annotations

import copy
from typing import Any

import msgspec

from sidecar.inject import shape
from sidecar.inject.annotations import STATUS
from sidecar.inject.reasons import Json, NotInjected

LISTS = ("initContainers", "containers", "volumes", "imagePullSecrets")
"""Lists of a pod's spec to which we add named items."""


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """One value of a container that was replaced. `env` is a variable's name; else `path` leads to the value.
    `was` is None where there was nothing."""

    container: str
    now: Any
    was: Any = None
    path: tuple[str, ...] = ()
    env: str = ""


class Record(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The value of the status annotation."""

    version: str
    traffic: str
    port: int
    added: dict[str, tuple[str, ...]] = {}
    """Names of what was added, by list of the spec; also `annotations` and `labels`."""

    created: tuple[str, ...] = ()
    """What was not there at all before: lists of the spec, `annotations`, `labels`, `metadata`, and
    `NAME.env` for a container."""

    changed: tuple[Change, ...] = ()


def of(pod: Json) -> Record | None:
    """The record in a pod, or None. Raises NotInjected for one that can't be read."""
    text = ((pod.get("metadata") or {}).get("annotations") or {}).get(STATUS)
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=Record)
    except (msgspec.MsgspecError, TypeError) as error:
        raise NotInjected("bad-annotation", f"{STATUS} was edited: {error}.") from error


def undone(pod: Json) -> Json:
    """The pod as it was before we came, with everything that others have done to it since. Raises NotInjected
    for what is no pod, and for a record that was edited."""
    shape.check(pod, shape.Object)
    if (record := of(pod)) is None:
        return pod
    shape.check(pod, shape.Pod)
    pod = copy.deepcopy(pod)
    spec, metadata = pod["spec"], pod["metadata"]
    for name in LISTS:
        ours = record.added.get(name, ())
        if ours and isinstance(spec.get(name), list):
            spec[name] = [item for item in spec[name] if item.get("name") not in ours]
    containers = {one["name"]: one for one in [*spec["containers"], *(spec.get("initContainers") or [])]}
    for change in record.changed:
        if change.container in containers:
            _put_back(containers[change.container], change)
    for name in ("annotations", "labels"):
        for key in (*record.added.get(name, ()), *((STATUS,) if name == "annotations" else ())):
            (metadata.get(name) or {}).pop(key, None)
    _forget_created(pod, containers, record.created)
    try:
        shape.check(pod, shape.Pod)
    except NotInjected as why:
        raise NotInjected("bad-annotation", f"{STATUS} was edited, and leads to no pod: {why}") from why
    return pod


def _put_back(container: Json, change: Change) -> None:
    if change.env:
        variables = container.get("env") or []
        place = next((i for i, one in enumerate(variables) if one == change.now), None)
        if place is not None:
            variables[place : place + 1] = [] if change.was is None else [change.was]
        return
    holder: Any = container
    for key in change.path[:-1]:
        holder = holder.get(key) if isinstance(holder, dict) else None
    if isinstance(holder, dict) and holder.get(change.path[-1]) == change.now:
        holder[change.path[-1]] = change.was


def _forget_created(pod: Json, containers: Json, created: tuple[str, ...]) -> None:
    for name in reversed(created):  # what is inside first
        container, _, field = name.rpartition(".")
        if container:
            holder = containers.get(container, {})
        else:
            holder = (
                pod if field == "metadata" else pod["spec"] if field in LISTS else pod.get("metadata", {})
            )
        if field in holder and not holder[field]:
            del holder[field]
