"""What the owner of a pod may ask for: the table of annotations, and how they are read.

Each row says which values are right, so that one that is wrong is refused with the right ones named.
`docs/kubernetes.md` prints the table and a test compares. Counterpart: `sidecar.inject.pod`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from sidecar.errors import UsageError
from sidecar.inject.reasons import Json, NotInjected
from sidecar.sources import resolve

PREFIX = "sidecar.observe/"
"""Of every annotation and label of ours."""

SETTINGS = "settings.sidecar.observe/"
"""`settings.sidecar.observe/threshold: "0.02"` is `--threshold 0.02`; docs/settings.md has the names."""

STATUS = f"{PREFIX}status"
"""Written by us: what was changed, so that it can be undone. `sidecar.inject.record` reads it."""

INJECT = f"{PREFIX}inject"
INJECTED = f"{PREFIX}injected"
"""The label that an injected pod gets, for selectors."""

QUANTITY = r"[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei)?"


class Annotation(NamedTuple):
    """One row: what matches as a whole is right, `values` says so in words."""

    values: str
    pattern: str
    meaning: str
    read: Callable[[str], Any] = str


def _ports(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _yes(text: str) -> bool:
    return text == "true"


_PORT = r"([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_NAME = r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?"

ANNOTATIONS: dict[str, Annotation] = {
    "inject": Annotation(
        "true, false", "true|false", "Whether this pod gets a sidecar; also as a label.", _yes
    ),
    "traffic": Annotation(
        "redirect, service, port", "redirect|service|port", "How calls reach the sidecar; see above."
    ),
    "port": Annotation("a port", _PORT, "The port on which the model speaks HTTP. Found if not given.", int),
    "grpc-port": Annotation(
        "a port",
        _PORT,
        "The port on which the model speaks gRPC, beside HTTP. With it calls to that port go through the"
        " sidecar, too. For traffic `redirect` and `service`.",
        int,
    ),
    "container": Annotation("a name", _NAME, "The model's container. Found if not given."),
    "port-env": Annotation(
        "a variable",
        r"[A-Za-z_][A-Za-z0-9_.-]*",
        "Variable that tells the model its port; for traffic `port`.",
    ),
    "moved-port": Annotation(
        "a port", _PORT, "Where traffic `port` moves the model: its port and 10000.", int
    ),
    "upstream-host": Annotation(
        "localhost, pod-ip, pod-ipv6", "localhost|pod-ip|pod-ipv6", "Address on which the model listens."
    ),
    "egress-ports": Annotation(
        "ports",
        rf"{_PORT}(,{_PORT}){{0,14}}",
        "Ports of others that the model calls by plain HTTP. With traffic `redirect` these calls go through"
        " the sidecar's egress, and from there where their connection was going, with the `Host` that the"
        " model gave them.",
        _ports,
    ),
    "route": Annotation("name=URL, ...", r"[!-~]+", "Named targets of the egress, as the setting `route`."),
    "listen-port": Annotation(
        "a port", _PORT, "Where the sidecar takes calls: 9700, or the next free one.", int
    ),
    "grpc-listen-port": Annotation(
        "a port", _PORT, "Where the sidecar takes calls by gRPC: 9703, or the next free one.", int
    ),
    "admin-port": Annotation("a port", _PORT, "Metrics, health and page: 9702, or the next free one.", int),
    "image": Annotation("an image", r"[A-Za-z0-9][!-~]*", "The sidecar's image, best with its digest."),
    "image-pull-policy": Annotation(
        "Always, IfNotPresent, Never", "Always|IfNotPresent|Never", "As Kubernetes has it."
    ),
    "image-pull-secret": Annotation("a name", _NAME, "Secret of the registry, added to those of the pod."),
    "cpu-request": Annotation(
        "a quantity", QUANTITY, "CPU that is set aside. Every one of these four alone."
    ),
    "cpu-limit": Annotation("a quantity", QUANTITY, "CPU that can't be exceeded. Calls wait at a limit."),
    "memory-request": Annotation("a quantity", QUANTITY, "Memory that is set aside."),
    "memory-limit": Annotation("a quantity", QUANTITY, "Memory beyond which the sidecar is killed."),
    "run-as-user": Annotation(
        "a user id, none", r"[1-9][0-9]{0,9}|none", "User of the sidecar; `none` leaves it to the cluster."
    ),
    "service-name": Annotation(
        "a name",
        r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?",
        "The model's name in traces. Its workload's if not given.",
    ),
    "baseline": Annotation(
        "configmap/NAME, pvc/NAME, pvc/NAME/DIR, URL",
        rf"configmap/{_NAME}|pvc/{_NAME}(/[!-9;-~]+)?|[a-z][a-z0-9+.-]*://[!-~]+",
        "Where the baseline is: mounted, or fetched when the sidecar starts and checked by `#sha256=`.",
    ),
    "admin-token": Annotation(
        "a name",
        _NAME,
        "Secret with `token`, to read and write on the admin port, and `read-token`, only to read there.",
    ),
    "config": Annotation("a name", _NAME, "ConfigMap with `sidecar.yaml`, the file of settings."),
}


class Wishes(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """What was asked for, read. None, or empty, where nothing was said."""

    inject: bool | None = None
    traffic: str = ""
    port: int = 0
    grpc_port: int = 0
    container: str = ""
    port_env: str = ""
    moved_port: int = 0
    upstream_host: str = "localhost"
    egress_ports: tuple[int, ...] = ()
    route: str = ""
    listen_port: int = 0
    grpc_listen_port: int = 0
    admin_port: int = 0
    image: str = ""
    image_pull_policy: str = ""
    image_pull_secret: str = ""
    cpu_request: str = ""
    cpu_limit: str = ""
    memory_request: str = ""
    memory_limit: str = ""
    run_as_user: str = ""
    service_name: str = ""
    baseline: str = ""
    admin_token: str = ""
    config: str = ""
    settings: Mapping[str, str] = {}


OURS = (
    *("upstream", "listen", "grpc-upstream", "grpc-listen", "admin", "egress", "run-dir"),
    *("baseline", "route", "service-name", "workers"),
)
"""Settings that the pod decides, or that have an annotation of their own. Not to be set beside it."""


def wishes(metadata: Json) -> Wishes:
    """What an object's annotations ask for. Raises NotInjected("bad-annotation") naming the right values."""
    found: dict[str, Any] = {}
    settings: dict[str, str] = {}
    given = dict(metadata.get("annotations") or {})
    label = (metadata.get("labels") or {}).get(INJECT)
    if label is not None and given.setdefault(INJECT, label) != label:
        raise _bad(f"{INJECT} is {label!r} as a label and {given[INJECT]!r} as an annotation.")
    for name, text in given.items():
        if name.startswith(SETTINGS):
            settings[name.removeprefix(SETTINGS)] = str(text)
        elif name.startswith(PREFIX) and name != STATUS:
            short = name.removeprefix(PREFIX)
            found[short.replace("-", "_")] = _read(short, text)
    if settings:
        _check(settings)
    wished = Wishes(**found, settings=settings)
    _consistent(wished)
    return wished


def _read(short: str, text: object) -> Any:
    row = ANNOTATIONS.get(short)
    if row is None:
        near = difflib.get_close_matches(short, ANNOTATIONS, n=1)
        hint = f"did you mean {PREFIX}{near[0]}?" if near else f"there are {', '.join(ANNOTATIONS)}."
        raise _bad(f"there is no {PREFIX}{short}; {hint}")
    if not isinstance(text, str) or not re.fullmatch(row.pattern, text):
        raise _bad(f"{PREFIX}{short}: {str(text)[:80]!r} is not {row.values}.")
    return row.read(text)


def _check(settings: Mapping[str, str]) -> None:
    for name in OURS:
        if name in settings:
            raise _bad(f"{SETTINGS}{name}: the pod decides it; see the annotations of {PREFIX}.")
    try:
        resolve({"upstream": "http://127.0.0.1:1", **settings}, {}, None)
    except UsageError as error:
        raise _bad(f"{SETTINGS}...: {error}.") from error


def _consistent(wished: Wishes) -> None:
    if wished.egress_ports and wished.traffic in ("service", "port"):
        raise _bad(f"{PREFIX}egress-ports needs {PREFIX}traffic: redirect.")
    if wished.port_env and wished.traffic in ("service", "redirect"):
        raise _bad(f"{PREFIX}port-env needs {PREFIX}traffic: port.")
    if wished.grpc_port and (wished.traffic == "port" or wished.grpc_port == wished.port):
        raise _bad(
            f"{PREFIX}grpc-port needs {PREFIX}traffic: redirect or service, and another port than HTTP's."
        )
    if wished.listen_port and wished.listen_port == wished.admin_port:
        raise _bad(f"{PREFIX}listen-port and {PREFIX}admin-port are the same.")


def _bad(detail: str) -> NotInjected:
    return NotInjected("bad-annotation", detail)
