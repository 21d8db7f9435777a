"""One pod in, one pod out: with a sidecar, or as it was with the reason why. Pure.

    undo what we did before -> is it asked for -> can it work -> decide -> put in place -> write down

Whatever happened to the pod meanwhile, the answer is the one that a fresh pod would get. Counterparts:
`sidecar.inject.review` (webhook) and `sidecar.inject.workloads` (manifests).
"""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import msgspec

from sidecar import __version__
from sidecar.inject import containers as ours
from sidecar.inject import ports, probes, record, resources, servers, shape
from sidecar.inject.annotations import INJECTED, STATUS, Wishes, wishes
from sidecar.inject.containers import Plan
from sidecar.inject.reasons import Json, NotInjected, Outcome
from sidecar.inject.settings import SYSTEM_NAMESPACES, Around

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
MIRROR = "kubernetes.io/config.mirror"
GRACE = 30
"""Seconds that Kubernetes grants a pod that does not say."""


_NO_GRPC = "it needs traffic redirect or service, and must be another port than HTTP's."


class Injection(NamedTuple):
    """The pod as it should be, what became of it, and why; `reason` is a key of `REASONS`."""

    pod: Json
    outcome: Outcome
    reason: str
    message: str


def inject(pod: Json, around: Around) -> Injection:
    """Decide about a pod. `pod` is left as it is; what has not the shape of a pod is refused."""
    try:
        shape.check(pod, shape.Pod)
        bare = record.undone(pod)
    except NotInjected as why:
        return Injection(pod, why.outcome, why.reason, str(why))
    try:
        wished = wishes(bare.get("metadata") or {})
        _asked_for(bare, wished, around)
        _possible(bare)
        plan = _decide(bare, wished, around)
        return Injection(_placed(bare, plan, wished, around), "injected", "injected", _summary(plan))
    except NotInjected as why:
        return Injection(bare, why.outcome, why.reason, str(why))


def _asked_for(pod: Json, wished: Wishes, around: Around) -> None:
    metadata = pod.get("metadata") or {}
    if around.namespace in SYSTEM_NAMESPACES or around.namespace in around.settings.skip_namespaces:
        raise NotInjected("system-namespace", f"It is {around.namespace}.")
    if MIRROR in (metadata.get("annotations") or {}):
        raise NotInjected("mirror-pod")
    if wished.inject is False:
        raise NotInjected("pod-says-no")
    if wished.inject is None and not around.namespace_asks:
        raise NotInjected("not-asked")
    if any(one["name"] in (ours.SIDECAR, ours.REDIRECT) for one in servers.containers(pod)):
        raise NotInjected("by-hand")


def _possible(pod: Json) -> None:
    spec = pod["spec"]
    if spec.get("hostNetwork"):
        raise NotInjected("host-network")
    selected = (spec.get("nodeSelector") or {}).get("kubernetes.io/os")
    if (spec.get("os") or {}).get("name") == "windows" or selected == "windows":
        raise NotInjected("windows")


def _decide(pod: Json, wished: Wishes, around: Around) -> Plan:
    model = servers.find(pod, wished)
    traffic = wished.traffic or ("port" if wished.port_env else around.settings.traffic)
    container = next(one for one in pod["spec"]["containers"] if one["name"] == model.container)
    if probe := probes.speaks_tls(container, model.port):
        raise NotInjected("model-tls", f"{model.container}: {probe} asks port {model.port} by HTTPS.")
    if traffic == "redirect":
        if found := servers.mesh(pod):
            raise NotInjected("mesh", f"It has {found}.")
        if around.pod_security not in ("", "privileged"):
            raise NotInjected("pod-security", f"Its level is {around.pod_security}.")
    if wished.grpc_port and (traffic == "port" or wished.grpc_port == model.port):
        raise NotInjected("bad-annotation", f"grpc-port {wished.grpc_port}: {_NO_GRPC}")
    if traffic == "port" and not _variable(model, wished):
        raise NotInjected("no-port-variable")
    if not around.native and pod["spec"].get("restartPolicy") in ("Never", "OnFailure"):
        raise NotInjected("needs-native")
    return Plan(
        model=model,
        traffic=traffic,
        ports=ports.choose(pod, wished, model.port, traffic),
        user=_user(pod, wished, around, traffic),
        service=wished.service_name or _workload(pod, model),
        resources=resources.granted(pod, wished, around.settings.resources),
        redirect_resources=resources.small(pod),
    )


def _variable(model: servers.Model, wished: Wishes) -> str:
    return wished.port_env or (servers.SERVERS[model.server].variable if model.server else "")


def _user(pod: Json, wished: Wishes, around: Around, traffic: str) -> int | None:
    """The sidecar's user id. With egress it must be nobody else's, because the rules tell it apart by it."""
    if wished.run_as_user == "none":
        if wished.egress_ports:
            raise NotInjected("bad-annotation", "run-as-user: none leaves no user for egress-ports to spare.")
        return None
    spec = pod["spec"]
    contexts = [spec.get("securityContext"), *(one.get("securityContext") for one in spec["containers"])]
    taken = {(one or {}).get("runAsUser") for one in contexts}
    if wished.run_as_user:
        if wished.egress_ports and int(wished.run_as_user) in taken:
            raise NotInjected(
                "bad-annotation",
                f"run-as-user: {wished.run_as_user} is another's, too, whom egress-ports would spare.",
            )
        return int(wished.run_as_user)
    first, count = around.user_range or (around.settings.user, 100)
    # In a range of the namespace's own, the first id is what everybody else there gets.
    ids = range(first + (1 if around.user_range else 0), first + max(count, 2))
    return next((user for user in ids if user not in taken), first)


def _workload(pod: Json, model: servers.Model) -> str:
    """A name for traces: what the pod's labels call it, else its owner, else the container."""
    metadata = pod.get("metadata") or {}
    labels = metadata.get("labels") or {}
    for label in (
        "serving.kserve.io/inferenceservice",
        "seldon-deployment-id",
        "app.kubernetes.io/name",
        "app",
    ):
        if labels.get(label):
            return str(labels[label])
    # Names made of a base and a suffix: the base, without the hash of a ReplicaSet.
    base = str(metadata.get("generateName") or "").rstrip("-")
    stem = base.rpartition("-")[0] if "pod-template-hash" in labels else base
    return stem or str(metadata.get("name") or "") or model.container


def _placed(bare: Json, plan: Plan, wished: Wishes, around: Around) -> Json:
    pod = copy.deepcopy(bare)
    created = [] if "metadata" in pod else ["metadata"]
    metadata = pod["metadata"] = pod.get("metadata") or {}
    spec = pod["spec"]
    added: dict[str, tuple[str, ...]] = {}

    def add(name: str, items: list[Json], *, first: bool = False) -> None:
        if not items:
            return
        if not spec.get(name):
            if name not in spec:
                created.append(name)
            spec[name] = []
        spec[name][:] = [*items, *spec[name]] if first else [*spec[name], *items]
        added[name] = tuple(item["name"] for item in items)

    changes = _changes(bare, plan, wished)
    without_env = {one["name"] for one in spec["containers"] if "env" not in one}
    created += [f"{one.container}.env" for one in changes if one.env and one.container in without_env]
    _apply(pod, changes)
    running = ours.sidecar(plan, wished, around, spec.get("terminationGracePeriodSeconds") or GRACE)
    redirecting = [ours.redirect(plan, wished, around)] if plan.traffic == "redirect" else []
    if around.native:
        add("initContainers", [running, *redirecting], first=True)
    else:
        # Last, so that the user's own init containers still reach the network that they knew.
        add("initContainers", redirecting)
        add("containers", [running])
    add("volumes", ours.volumes(wished))
    add("imagePullSecrets", _pull_secrets(bare, wished, around))

    for field, values in (
        ("annotations", {DEFAULT_CONTAINER: plan.model.container}),
        ("labels", {INJECTED: "true"}),
    ):
        if not metadata.get(field):
            if field not in metadata:
                created.append(field)
            metadata[field] = {}
        new = {key: value for key, value in values.items() if key not in metadata[field]}
        metadata[field].update(new)
        added[field] = tuple(new)
    written = record.Record(
        version=__version__,
        traffic=plan.traffic,
        port=plan.model.port,
        added={name: names for name, names in added.items() if names},
        created=tuple(dict.fromkeys(created)),
        changed=changes,
    )
    metadata["annotations"][STATUS] = msgspec.json.encode(written).decode()
    return pod


def _changes(bare: Json, plan: Plan, wished: Wishes) -> tuple[record.Change, ...]:
    """What must change in the containers that are there."""
    if plan.traffic == "service":
        return ()
    found: list[record.Change] = []
    for container in servers.containers(bare):
        moved, admin = plan.ports.moved, plan.ports.admin
        for path, now in probes.rewritten(container, plan.model.port, moved, admin, wished.grpc_port):
            was: Any = container
            for key in path:
                was = was[key]
            found.append(record.Change(container["name"], now, was, path))
        if plan.traffic == "port" and container["name"] == plan.model.container:
            name = _variable(plan.model, wished)
            was = next((one for one in reversed(container.get("env") or []) if one.get("name") == name), None)
            now = {"name": name, "value": str(plan.ports.moved)}
            found.append(record.Change(container["name"], now, was, env=name))
    return tuple(found)


def _apply(pod: Json, changes: tuple[record.Change, ...]) -> None:
    containers = {one["name"]: one for one in servers.containers(pod)}
    for change in changes:
        container = containers[change.container]
        if change.env:
            variables = container.get("env")
            if variables is None:
                variables = container["env"] = []
            place = next(
                (i for i in reversed(range(len(variables))) if variables[i] == change.was), len(variables)
            )
            variables[place : place + 1] = [copy.deepcopy(change.now)]
            continue
        holder = container
        for key in change.path[:-1]:
            holder = holder[key]
        holder[change.path[-1]] = copy.deepcopy(change.now)


def _pull_secrets(pod: Json, wished: Wishes, around: Around) -> list[Json]:
    there = {one.get("name") for one in pod["spec"].get("imagePullSecrets") or []}
    wanted = [
        *around.settings.image_pull_secrets,
        *([wished.image_pull_secret] if wished.image_pull_secret else []),
    ]
    return [{"name": name} for name in dict.fromkeys(wanted) if name not in there]


def _summary(plan: Plan) -> str:
    of = f" ({plan.model.server})" if plan.model.server else ""
    moved = f", the model moved to {plan.ports.moved}" if plan.ports.moved else ""
    model = f"{plan.model.container}{of} port {plan.model.port}"
    grpc = f", gRPC on {plan.ports.grpc}" if plan.ports.grpc else ""
    return f"{model} by {plan.traffic}: sidecar on {plan.ports.listen}{grpc}{moved}"
