"""Where in a workload its pod is: the table of kinds, and a whole manifest injected or put back. Pure.

Counterparts: `sidecar.inject.pod` decides about each pod, `sidecar.inject.manifest` reads and writes files.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import msgspec

from sidecar.errors import SidecarError
from sidecar.inject import pod as pods
from sidecar.inject import record, service
from sidecar.inject.annotations import INJECT, wishes
from sidecar.inject.manifest import is_list
from sidecar.inject.pod import Injection
from sidecar.inject.reasons import Json, NotInjected
from sidecar.inject.settings import Around

TEMPLATES: dict[str, str] = {
    "Pod": "",
    "PodTemplate": "template",
    "Deployment": "spec.template",
    "StatefulSet": "spec.template",
    "DaemonSet": "spec.template",
    "ReplicaSet": "spec.template",
    "ReplicationController": "spec.template",
    "Job": "spec.template",
    "CronJob": "spec.jobTemplate.spec.template",
    "Rollout": "spec.template",
    "InferenceService": "spec.predictor",
}
"""Kinds by the path to their pod's template."""

INLINE = {"InferenceService"}
"""Kinds whose template is a pod's spec, with `annotations` and `labels` in it."""


Change: TypeAlias = "Callable[[Json], list[Result]]"
"""What is done to an object of a manifest."""


class Result(NamedTuple):
    """One object of a manifest: what became of it; `name` is `kind/name`."""

    name: str
    after: Json
    injection: Injection | None
    """None: there is no pod in it, and it is passed on."""


def inject(thing: Json, around: Around, path: str | None = None) -> list[Result]:
    """One object, or each of a List, as `manifest.read` gives them. `path`: where its kind has the template,
    if the table does not say."""
    return _each(thing, lambda one: _injected(one, around, path))


def uninject(thing: Json, path: str | None = None) -> list[Result]:
    """The reverse. Raises SidecarError for a status that was edited."""
    return _each(thing, lambda one: _put_back(one, path))


def whole(thing: Json, results: list[Result]) -> Json:
    """The object, or the List, with what became of each item."""
    return {**thing, "items": [one.after for one in results]} if is_list(thing) else results[0].after


def _each(thing: Json, change: Callable[[Json], Result]) -> list[Result]:
    return [change(one) for one in thing["items"]] if is_list(thing) else [change(thing)]


def _named(thing: Json) -> str:
    metadata = thing.get("metadata") or {}
    return f"{thing.get('kind', '?')}/{metadata.get('name') or metadata.get('generateName') or '?'}"


def _injected(thing: Json, around: Around, path: str | None) -> Result:
    name, kind = _named(thing), str(thing.get("kind"))
    metadata = thing.get("metadata") or {}
    around = msgspec.structs.replace(around, namespace=str(metadata.get("namespace") or around.namespace))
    if kind == "Service":
        found = service.led(thing)
        return Result(name, found.pod, None if found.reason == "not-asked" else found)
    where = TEMPLATES.get(kind) if path is None else path
    if where is None:
        return Result(name, thing, None)
    try:
        template = _template(thing, where, inline=kind in INLINE)
        asks = _asks(thing, where)
    except NotInjected as why:
        return Result(name, thing, Injection(thing, why.outcome, why.reason, str(why)))
    found = pods.inject(template, msgspec.structs.replace(around, namespace_asks=asks))
    return Result(name, _with(thing, where, found.pod, inline=kind in INLINE), found)


def _put_back(thing: Json, path: str | None) -> Result:
    name, kind = _named(thing), str(thing.get("kind"))
    where = TEMPLATES.get(kind) if path is None else path
    if where is None and kind != "Service":
        return Result(name, thing, None)
    try:
        after = service.undone(thing) if kind == "Service" else _undone(thing, where or "", kind in INLINE)
    except NotInjected as why:
        raise SidecarError(f"{name}: {why}") from why
    changed = Injection(after, "injected", "injected", "put back") if after != thing else None
    return Result(name, after, changed)


def _undone(thing: Json, where: str, inline: bool) -> Json:
    try:
        template = _template(thing, where, inline=inline)
    except NotInjected:  # nothing that could have been injected
        return thing
    return _with(thing, where, record.undone(template), inline=inline)


def _asks(thing: Json, where: str) -> bool:
    """A workload may say no for its pods."""
    if not where:
        return True
    said = wishes({**(thing.get("metadata") or {}), "annotations": _only_inject(thing)}).inject
    if said is False:
        raise NotInjected("pod-says-no", "The workload says so.")
    return True


def _only_inject(thing: Json) -> Json:
    annotations = (thing.get("metadata") or {}).get("annotations") or {}
    return {INJECT: annotations[INJECT]} if INJECT in annotations else {}


def _template(thing: Json, where: str, *, inline: bool) -> Json:
    """The pod in a workload: `metadata` and `spec`."""
    found: Any = thing
    for key in filter(None, where.split(".")):
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, dict):
        raise NotInjected("not-a-template", f"There is nothing at {where}.")
    if not inline:
        if not isinstance(found.get("spec"), dict):
            raise NotInjected("not-a-template", f"There is no spec at {where or 'its top'}.")
        return found
    if not found.get("containers"):
        raise NotInjected(
            "not-a-template",
            f"{where}.containers is empty, so its operator makes the containers: label its namespace, and the"
            " webhook meets the pods.",
        )
    metadata = {key: found[key] for key in ("annotations", "labels") if key in found}
    spec = {key: value for key, value in found.items() if key not in metadata}
    return {"metadata": metadata, "spec": spec} if metadata else {"spec": spec}


def _with(thing: Json, where: str, template: Json, *, inline: bool) -> Json:
    """The workload with another template."""
    if inline:
        template = {**(template.get("metadata") or {}), **template["spec"]}
    if not where:
        return template
    after = copy.deepcopy(thing)
    keys = where.split(".")
    holder: Any = after
    for key in keys[:-1]:
        holder = holder[key]
    holder[keys[-1]] = template
    return after
