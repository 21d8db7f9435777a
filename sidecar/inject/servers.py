"""Which container is the model, and on which port it speaks HTTP.

First what is asked for, then what is known of model servers, then what is plain to see.

A pod without any of these is not touched: to put an HTTP proxy before a database would break it. Pure.
Counterpart: `sidecar.inject.pod`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from sidecar.inject.annotations import Wishes
from sidecar.inject.reasons import Json, NotInjected


class Server(NamedTuple):
    """One row of `SERVERS`: how a model server is recognised, and where it listens unless told otherwise."""

    port: int
    image: str = ""
    """Pattern of the image's repository."""
    container: str = ""
    """Name of the container."""
    label: str = ""
    """A label that its operator puts on every pod of it."""
    flag: str = ""
    """Argument that moves its port."""
    variable: str = ""
    """Variable that moves its port."""


SERVERS: dict[str, Server] = {
    "KServe": Server(8080, container="kserve-container"),
    "Triton": Server(8000, image=r"tritonserver", flag="--http-port"),
    "TorchServe": Server(8080, image=r"torchserve(-kfs)?"),
    "TensorFlow Serving": Server(8501, image=r"tensorflow/serving|serving-tf", flag="--rest_api_port"),
    "vLLM": Server(8000, image=r"vllm(-openai)?", flag="--port"),
    "MLServer": Server(8080, image=r"mlserver", variable="MLSERVER_HTTP_PORT"),
    "BentoML": Server(3000, image=r"bento(ml)?", label="yatai.ai/bento", variable="BENTOML_PORT"),
    "Ray Serve": Server(8000, image=r"ray|ray-ml|ray-llm", label="ray.io/cluster"),
    "TGI": Server(80, image=r"text-generation-inference", flag="--port", variable="PORT"),
    "MLflow": Server(8080, image=r"mlflow"),
}
"""By image as the last part of its repository, as published by each project."""

FRONTS: dict[str, tuple[int, str]] = {
    "queue-proxy": (8012, ""),
    "agent": (9081, "kserve-container"),
    "seldon-container-engine": (8000, ""),
}
"""Containers that others put before the model: the port at which *they* take its calls, and the container
they must stand beside where the name alone says little. Knative, KServe, Seldon."""

NOT_MODELS = frozenset(
    (
        *(
            "istio-proxy",
            "linkerd-proxy",
            "kuma-sidecar",
            "consul-dataplane",
            "envoy",
            "daprd",
            "vault-agent",
        ),
        *("otc-container", "otel-collector", "cloud-sql-proxy", "cloudsql-proxy", "fluent-bit", "fluentd"),
        *("storage-initializer", "modelcar", "git-sync", "wait", "autoscaler", "model-sidecar"),
    )
)
"""Containers that are known to stand beside a model."""

MESHES = ("istio-proxy", "linkerd-proxy", "kuma-sidecar", "consul-dataplane", "envoy")
MESH_MARKS = ("sidecar.istio.io/status", "linkerd.io/proxy-version", "kuma.io/sidecar-injected")

HTTP_PORTS = frozenset({80, 3000, 5000, 7000, 8000, 8080, 8081, 8085, 8090, 8501, 8888, 9000})
"""Numbers that say HTTP where the port's name says nothing."""

_HTTP_NAME = re.compile(r"(http|http1|web|rest|api|predict|inference|serving|user-port)([-_.].*)?")
_OTHER_NAME = re.compile(r"(h2c|http2|grpc|tcp|tls|https|metrics|admin|prom)([-_.].*)?|.*-(grpc|metrics)")


class Model(NamedTuple):
    """The container whose calls are to be observed, and its port. `server` is a key of `SERVERS` or empty."""

    container: str
    port: int
    server: str = ""


def find(pod: Json, wished: Wishes) -> Model:
    """The model of a pod. Raises NotInjected with the reason when it can't be told."""
    there = {one["name"]: one for one in pod["spec"]["containers"]}
    if wished.container:
        if wished.container not in there:
            raise NotInjected("no-container", f"There are {', '.join(there)}.")
        candidates = {wished.container: there[wished.container]}
    else:
        if (front := _front(there)) is not None and not wished.port:
            return front
        candidates = {name: one for name, one in there.items() if name not in NOT_MODELS | FRONTS.keys()}
    if wished.port:
        return _with_port(candidates or there, wished.port)
    return _known(pod, candidates) or _plain(candidates)


def mesh(pod: Json) -> str:
    """What redirects the pod's traffic already, or empty."""
    names = [one["name"] for one in containers(pod)]
    marks = (pod.get("metadata") or {}).get("annotations") or {}
    return next((name for name in (*MESHES, *MESH_MARKS) if name in names or name in marks), "")


def _front(there: Json) -> Model | None:
    for name, (port, beside) in FRONTS.items():
        if name in there and (not beside or beside in there):
            return Model(name, port)
    return None


def _with_port(candidates: Json, port: int) -> Model:
    """The one that declares the port, else the one that may."""
    for name, container in candidates.items():
        if port in {one.get("containerPort") for one in ports(container)}:
            _refuse_other_protocols(container, port)
            return Model(name, port, server_of(container, {}))
    if len(candidates) == 1 or not (known := _servers({}, candidates)):
        name, container = next(iter(candidates.items()))
        return Model(name, port, server_of(container, {}))
    name, server = known[0]
    return Model(name, port, server)


def _known(pod: Json, candidates: Json) -> Model | None:
    found = _servers((pod.get("metadata") or {}).get("labels") or {}, candidates)
    if len(found) != 1:
        return None
    name, server = found[0]
    container = candidates[name]
    row = SERVERS[server]
    port = _told(container, row) or _declared(container, row.port)
    _refuse_other_protocols(container, port)
    return Model(name, port, server)


def _servers(labels: Json, candidates: Json) -> list[tuple[str, str]]:
    found = [(name, server_of(one, labels)) for name, one in candidates.items()]
    return [(name, server) for name, server in found if server]


def server_of(container: Json, labels: Json) -> str:
    """The row of `SERVERS` that a container is, or empty."""
    image = str(container.get("image") or "").partition("@")[0]
    repository = re.sub(r":[^/]*$", "", image)
    for name, row in SERVERS.items():
        if row.container and container["name"] == row.container:
            return name
        if row.image and re.search(rf"(^|/)({row.image})$", repository):
            return name
        if row.label and row.label in labels:
            return name
    return ""


def _told(container: Json, row: Server) -> int:
    """The port that arguments or variables tell, or 0."""
    words = [str(word) for word in [*(container.get("command") or []), *(container.get("args") or [])]]
    if row.flag:
        for place, word in enumerate(words):
            flag, equals, value = word.partition("=")
            if flag == row.flag:
                value = value if equals else next(iter(words[place + 1 : place + 2]), "")
                if value.isdecimal():
                    return int(value)
    if row.variable:
        for one in reversed(container.get("env") or []):
            if one.get("name") == row.variable and str(one.get("value") or "").isdecimal():
                return int(one["value"])
    return 0


def _declared(container: Json, usual: int) -> int:
    """The port that a known server declares, which may be another than its usual one."""
    numbers = [one["containerPort"] for one in ports(container)]
    if usual in numbers or not numbers:
        return usual
    named = [one["containerPort"] for one in ports(container) if _HTTP_NAME.fullmatch(one.get("name") or "")]
    return int((named or numbers)[0])


def _plain(candidates: Json) -> Model:
    """The only port that is plainly HTTP."""
    found = [(name, port) for name, one in candidates.items() for port in _http_ports(one)]
    if not found:
        seen = ", ".join(
            f"{name} {one['containerPort']}{'/' + one['name'] if one.get('name') else ''}"
            for name, container in candidates.items()
            for one in ports(container)
        )
        raise NotInjected("no-port", f"Ports: {seen or 'none'}.")
    if len(found) > 1:
        raise NotInjected("several-ports", f"{', '.join(f'{name} {port}' for name, port in found)}.")
    return Model(*found[0])


def _http_ports(container: Json) -> list[int]:
    """Ports that are HTTP by name; else those that a probe calls by HTTP; else those by their number."""
    declared = ports(container)
    named = [one for one in declared if _HTTP_NAME.fullmatch(one.get("name") or "")]
    probed = {get.get("port") for get in http_gets(container) if str(get.get("scheme") or "HTTP") == "HTTP"}
    asked = [one for one in declared if one["containerPort"] in probed or one.get("name") in probed]
    unnamed = [one for one in declared if not _OTHER_NAME.fullmatch(one.get("name") or "")]
    usual = [one for one in unnamed if one["containerPort"] in HTTP_PORTS]
    chosen = named or asked or usual
    if not chosen and not declared:
        return sorted({port for port in probed if isinstance(port, int)})
    return [one["containerPort"] for one in chosen]


def _refuse_other_protocols(container: Json, port: int) -> None:
    for one in ports(container):
        name = one.get("name") or ""
        if one["containerPort"] == port and re.fullmatch(r"(h2c|http2|grpc)([-_.].*)?|.*-grpc", name):
            raise NotInjected("not-http", f"Port {port} is called {name}.")


def containers(pod: Json) -> list[Json]:
    """All containers of a pod, those that only run at its start last."""
    spec = pod["spec"]
    return [*spec["containers"], *(spec.get("initContainers") or [])]


def ports(container: Json) -> list[Json]:
    """The TCP ports that a container declares."""
    found = container.get("ports") or []
    return [one for one in found if one.get("protocol", "TCP") == "TCP" and "containerPort" in one]


def http_gets(container: Json) -> Iterator[Any]:
    """The `httpGet` of every probe and hook."""
    for handler in handlers(container):
        if isinstance(handler.get("httpGet"), dict):
            yield handler["httpGet"]


def asked_ports(container: Json) -> Iterator[Any]:
    """The port, a number or a name, that each probe and hook asks."""
    for handler in handlers(container):
        for kind in ("httpGet", "tcpSocket", "grpc"):
            if isinstance(handler.get(kind), dict):
                yield handler[kind].get("port")


def handlers(container: Json) -> Iterator[Json]:
    """Every probe and hook of a container."""
    hooks = container.get("lifecycle") or {}
    probes = [container.get(f"{kind}Probe") for kind in ("startup", "readiness", "liveness")]
    for handler in [*probes, hooks.get("postStart"), hooks.get("preStop")]:
        if isinstance(handler, dict):
            yield handler
