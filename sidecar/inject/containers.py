"""The containers that are added: the sidecar, and the one that sets up redirecting and ends. Pure.

The sidecar is as the strictest Pod Security level wants it; redirecting needs NET_ADMIN for a moment. The
sidecar never waits for the model, and the model only for the sidecar's port: neither waits for ever.
Counterpart: `sidecar.inject.pod`, which puts them in their place.
"""

from __future__ import annotations

from typing import NamedTuple

from sidecar.inject.annotations import Wishes
from sidecar.inject.ports import Ports
from sidecar.inject.reasons import Json
from sidecar.inject.servers import Model
from sidecar.inject.settings import Around

SIDECAR, REDIRECT = "model-sidecar", "model-sidecar-redirect"
RUN_VOLUME, BASELINE_VOLUME, CONFIG_VOLUME, ADMIN_VOLUME = (
    "model-sidecar-run",
    "model-sidecar-baseline",
    "model-sidecar-config",
    "model-sidecar-admin",
)
RUN, BASELINE, CONFIG = "/run/sidecar", "/etc/sidecar/baseline", "/etc/sidecar/config"
ADMIN = "/etc/sidecar/admin"

ENDPOINTS_FORGET = 5
"""Seconds an ordinary sidecar goes on before it drains: until Services have forgotten the pod, calls come."""

LONGEST_DRAIN = 20


class Plan(NamedTuple):
    """Everything that was decided about one pod."""

    model: Model
    traffic: str
    ports: Ports
    user: int | None
    service: str
    resources: Json
    redirect_resources: Json


def sidecar(plan: Plan, wished: Wishes, around: Around, grace: int) -> Json:
    """The sidecar's container. `grace`: seconds that the pod has to end."""
    grpc = plan.ports.grpc
    container: Json = {
        "name": SIDECAR,
        "image": wished.image or around.settings.image,
        "imagePullPolicy": wished.image_pull_policy or around.settings.image_pull_policy,
        "args": _arguments(plan, wished),
        "env": _environment(plan, wished, around, grace),
        "ports": [
            {"name": "sidecar-http", "containerPort": plan.ports.listen, "protocol": "TCP"},
            *([{"name": "sidecar-grpc", "containerPort": grpc, "protocol": "TCP"}] if grpc else []),
            {"name": "sidecar-admin", "containerPort": plan.ports.admin, "protocol": "TCP"},
        ],
        "resources": plan.resources,
        "securityContext": _restricted(plan.user),
        # These ask for the port that takes calls: not for the model, which starts after the sidecar, nor for
        # the observer, whose troubles are not the calls'. What dies in here, the supervisor starts again.
        "startupProbe": _probe(plan.ports.listen, periodSeconds=1, failureThreshold=120),
        "readinessProbe": _probe(plan.ports.listen, periodSeconds=5, failureThreshold=3),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": _mounts(wished),
    }
    if around.native:
        container["restartPolicy"] = "Always"
    else:
        container["lifecycle"] = {
            "preStop": {"exec": {"command": ["sleep", str(min(ENDPOINTS_FORGET, grace // 3))]}}
        }
    if not plan.resources:
        del container["resources"]
    return container


def redirect(plan: Plan, wished: Wishes, around: Around) -> Json:
    """The init container that runs `sidecar redirect`."""
    arguments = ["redirect", "--port", str(plan.model.port), "--to", str(plan.ports.listen)]
    if wished.grpc_port:
        arguments += ["--grpc-port", str(wished.grpc_port), "--grpc-to", str(plan.ports.grpc)]
    if wished.egress_ports:
        arguments += [
            "--egress-ports",
            ",".join(map(str, wished.egress_ports)),
            "--egress-to",
            str(plan.ports.egress),
        ]
        arguments += ["--user", str(plan.user)]
    container: Json = {
        "name": REDIRECT,
        "image": wished.image or around.settings.image,
        "imagePullPolicy": wished.image_pull_policy or around.settings.image_pull_policy,
        "args": arguments,
        "resources": plan.redirect_resources,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "privileged": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": False,
            "runAsUser": 0,
            "runAsGroup": 0,
            "capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN", "NET_RAW"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    if not plan.redirect_resources:
        del container["resources"]
    return container


def volumes(wished: Wishes) -> list[Json]:
    """What the sidecar mounts."""
    found: list[Json] = [{"name": RUN_VOLUME, "emptyDir": {"sizeLimit": "512Mi"}}]
    kind, _, rest = wished.baseline.partition("/")
    if kind == "configmap":
        found.append({"name": BASELINE_VOLUME, "configMap": {"name": rest}})
    elif kind == "pvc":
        claim = {"claimName": rest.partition("/")[0], "readOnly": True}
        found.append({"name": BASELINE_VOLUME, "persistentVolumeClaim": claim})
    if wished.config:
        found.append({"name": CONFIG_VOLUME, "configMap": {"name": wished.config}})
    if wished.admin_token:
        found.append({"name": ADMIN_VOLUME, "secret": {"secretName": wished.admin_token}})
    return found


def _mounts(wished: Wishes) -> list[Json]:
    found: list[Json] = [{"name": RUN_VOLUME, "mountPath": RUN}]
    kind, _, rest = wished.baseline.partition("/")
    if kind in ("configmap", "pvc"):
        mount: Json = {"name": BASELINE_VOLUME, "mountPath": BASELINE, "readOnly": True}
        if kind == "pvc" and (folder := rest.partition("/")[2]):
            mount["subPath"] = folder
        found.append(mount)
    if wished.config:
        found.append({"name": CONFIG_VOLUME, "mountPath": CONFIG, "readOnly": True})
    if wished.admin_token:
        found.append({"name": ADMIN_VOLUME, "mountPath": ADMIN, "readOnly": True})
    return found


def _arguments(plan: Plan, wished: Wishes) -> list[str]:
    port = plan.ports.moved or plan.model.port
    host = {"localhost": "127.0.0.1", "pod-ip": "$(POD_IP)", "pod-ipv6": "[$(POD_IP)]"}[wished.upstream_host]
    arguments = ["run", f"--upstream=http://{host}:{port}", f"--listen=[::]:{plan.ports.listen}"]
    arguments += [f"--admin=[::]:{plan.ports.admin}", f"--run-dir={RUN}"]
    if wished.grpc_port:
        arguments += [f"--grpc-listen=[::]:{plan.ports.grpc}"]
        arguments += [f"--grpc-upstream=http://{host}:{wished.grpc_port}"]
    if wished.egress_ports or wished.route:
        # Redirected calls arrive at either loopback address; the rules keep others out.
        arguments.append(f"--egress={'[::]' if wished.egress_ports else '127.0.0.1'}:{plan.ports.egress}")
    if wished.route:
        arguments.append(f"--route={wished.route}")
    if wished.baseline:
        mounted = wished.baseline.partition("/")[0] in ("configmap", "pvc")
        arguments.append(f"--baseline={BASELINE if mounted else wished.baseline}")
    if wished.admin_token:
        arguments += [f"--admin-token={ADMIN}/token", f"--admin-read-token={ADMIN}/read-token"]
    if wished.config:
        arguments.append(f"--config={CONFIG}/sidecar.yaml")
    return arguments


def _environment(plan: Plan, wished: Wishes, around: Around, grace: int) -> list[Json]:
    """Where it is, for traces; then what the cluster's owner says, then what the pod's owner says."""
    told = {
        "SIDECAR_SERVICE_NAME": plan.service,
        # The admin port is on the pod's address: whoever is not in the pod gets probes and metrics.
        "SIDECAR_ADMIN_OPEN": "health",
        "SIDECAR_DRAIN_TIMEOUT": str(max(1, min(LONGEST_DRAIN, grace - 5))),
        "TMPDIR": RUN,
        **around.settings.environment,
        **{f"SIDECAR_{name.replace('-', '_').upper()}": value for name, value in wished.settings.items()},
    }
    fields = {"POD_NAME": "metadata.name", "POD_NAMESPACE": "metadata.namespace", "POD_IP": "status.podIP"}
    fields["NODE_NAME"] = "spec.nodeName"
    resource = "k8s.pod.name=$(POD_NAME),k8s.namespace.name=$(POD_NAMESPACE),k8s.node.name=$(NODE_NAME)"
    more = told.pop("OTEL_RESOURCE_ATTRIBUTES", "")
    told["OTEL_RESOURCE_ATTRIBUTES"] = f"{resource},{more}" if more else resource
    return [
        *({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in fields.items()),
        *({"name": name, "value": value} for name, value in told.items()),
    ]


def _restricted(user: int | None) -> Json:
    context: Json = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    return context if user is None else {**context, "runAsUser": user, "runAsGroup": user}


def _probe(port: int, **more: int) -> Json:
    return {"tcpSocket": {"port": port}, "timeoutSeconds": 2, **more}
