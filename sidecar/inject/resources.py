"""What the sidecar is granted, so that nobody else loses what they had. Pure.

Each field that an annotation names changes alone. A pod of the class Guaranteed stays one: our requests are
our limits, or where there is none (CPU) the other way round. A pod with resources as a whole
(`spec.resources`) has divided them already: ours are left out. Otherwise there are always requests: an
autoscaler stops where one container has none.
"""

from __future__ import annotations

from decimal import Decimal

from sidecar.inject.annotations import Wishes
from sidecar.inject.reasons import Json, NotInjected
from sidecar.inject.settings import Resources

_FACTORS = {"m": Decimal("0.001"), "": Decimal(1), "k": Decimal(1000)} | {
    f"{letter}{i}": Decimal(base) ** power
    for power, letter in enumerate("KMGTPE", 1)
    for i, base in (("i", 1024), ("", 1000))
    if (letter, i) != ("K", "")
}


def quantity(text: object) -> Decimal:
    """A Kubernetes quantity as a number. Raises ValueError for what is none."""
    written = str(text)
    number = written.rstrip("mkKMGTPEi") if not isinstance(text, (int, float)) else written
    try:
        return Decimal(number) * _FACTORS[written[len(number) :]]
    except (ArithmeticError, KeyError) as error:
        raise ValueError(f"{written} is no quantity") from error


def granted(pod: Json, wished: Wishes, settled: Resources) -> Json:
    """The `resources` of the sidecar; empty where the pod has its own. Raises NotInjected."""
    if pod["spec"].get("resources"):
        return {}
    requests = {"cpu": settled.requests.cpu, "memory": settled.requests.memory}
    limits = {"cpu": settled.limits.cpu, "memory": settled.limits.memory}
    asked = {
        "cpu": (wished.cpu_request, wished.cpu_limit),
        "memory": (wished.memory_request, wished.memory_limit),
    }
    for name, (request, limit) in asked.items():
        requests[name] = request or requests[name]
        limits[name] = limit or limits[name]
        if requests[name] and limits[name] and quantity(requests[name]) > quantity(limits[name]):
            if request and limit:
                raise NotInjected(
                    "bad-annotation", f"{name}: the request {request} is above the limit {limit}."
                )
            # Only one was said, and the settled other one gives way to it.
            requests[name], limits[name] = (limit, limit) if limit else (request, request)
    if guaranteed(pod):
        for name, (request, limit) in asked.items():
            limits[name] = (limits[name] if limit or not request else request) or requests[name]
        requests = dict(limits)
    return _without_empty({"requests": _without_empty(requests), "limits": _without_empty(limits)})


def small(pod: Json) -> Json:
    """The `resources` of the container that sets up redirecting and ends."""
    if pod["spec"].get("resources"):
        return {}
    amount = {"cpu": "10m", "memory": "64Mi"}
    return {"requests": dict(amount), "limits": dict(amount)}


def guaranteed(pod: Json) -> bool:
    """Whether every container has limits on CPU and memory, and no request other than its limit."""
    spec = pod["spec"]
    return all(
        _full(one.get("resources") or {})
        for one in [*spec["containers"], *(spec.get("initContainers") or [])]
    )


def _full(resources: Json) -> bool:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    try:
        return all(
            name in limits and quantity(requests.get(name, limits[name])) == quantity(limits[name])
            for name in ("cpu", "memory")
        )
    except ValueError:
        return False


def _without_empty(values: Json) -> Json:
    return {name: value for name, value in values.items() if value}
