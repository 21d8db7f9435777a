"""Before and after -> a JSON patch (RFC 6902), as an API server applies it. Pure.

Only what differs is touched, so that numbers and fields that we never looked at are not written again.
Counterpart: `sidecar.inject.review`, which sends it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sidecar.inject.reasons import Json


def patch(before: Any, after: Any) -> list[Json]:
    """The operations that turn `before` into `after`, in order."""
    return list(_operations("", before, after))


def pointer(key: str) -> str:
    """A key as part of a path (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def _operations(path: str, before: Any, after: Any) -> Iterator[Json]:
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _in_object(path, before, after)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _in_list(path, before, after)
    elif before != after or type(before) is not type(after):
        yield {"op": "replace", "path": path, "value": after}


def _in_object(path: str, before: Json, after: Json) -> Iterator[Json]:
    for key in before.keys() - after.keys():
        yield {"op": "remove", "path": f"{path}/{pointer(key)}"}
    for key, value in after.items():
        if key not in before:
            yield {"op": "add", "path": f"{path}/{pointer(key)}", "value": value}
        else:
            yield from _operations(f"{path}/{pointer(key)}", before[key], value)


def _in_list(path: str, before: list[Any], after: list[Any]) -> Iterator[Json]:
    """Equal ends stay; what is between is inserted, removed, or changed one by one."""
    shorter = min(len(before), len(after))
    head = next((i for i in range(shorter) if before[i] != after[i]), shorter)
    rest = shorter - head
    tail = next((i for i in range(rest) if before[-1 - i] != after[-1 - i]), rest)
    old, new = before[head : len(before) - tail], after[head : len(after) - tail]
    common = min(len(old), len(new))
    # An insertion beside changes: named items stay with their names.
    if len(new) > len(old) and (places := _named_alike(old, new)) is not None:
        for place, value in enumerate(new):
            if place not in places:
                yield {"op": "add", "path": f"{path}/{head + place}", "value": value}
        for place, value in zip(places, old, strict=True):
            yield from _operations(f"{path}/{head + place}", value, new[place])
        return
    for i in range(common):
        yield from _operations(f"{path}/{head + i}", old[i], new[i])
    for i in range(len(old) - 1, common - 1, -1):
        yield {"op": "remove", "path": f"{path}/{head + i}"}
    for i in range(common, len(new)):
        yield {"op": "add", "path": f"{path}/{head + i}", "value": new[i]}


def _named_alike(old: list[Any], new: list[Any]) -> list[int] | None:
    """Where in `new` each item of `old` went, by name and in order; None when that can't be told."""
    names = [item.get("name") if isinstance(item, dict) else None for item in new]
    places: list[int] = []
    for item in old:
        name = item.get("name") if isinstance(item, dict) else None
        start = places[-1] + 1 if places else 0
        if name is None or name not in names[start:]:
            return None
        places.append(names.index(name, start))
    return places
