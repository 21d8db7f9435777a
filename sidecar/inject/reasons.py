"""Why a pod was injected or not: the table of reasons, and the one exception that carries one.

`docs/kubernetes.md` prints the table and a test compares. Counterpart: `sidecar.inject.pod`, which decides.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, TypeAlias

Json: TypeAlias = dict[str, Any]
"""An object of JSON as it came over the wire, or a part of one."""

Outcome: TypeAlias = Literal["injected", "skipped", "refused", "rejected"]
"""`skipped`: nobody asked for a sidecar. `refused`: somebody did, but it would break the pod, which runs as
it is. `rejected`: an annotation of ours is wrong, so the pod is not admitted."""


class Reason(NamedTuple):
    """One row of `REASONS`: what becomes of the pod, and what its owner is told."""

    outcome: Outcome
    meaning: str


REASONS: dict[str, Reason] = {
    "injected": Reason("injected", "The pod has a sidecar."),
    "not-asked": Reason("skipped", "Neither the namespace nor the pod asks for a sidecar."),
    "pod-says-no": Reason("skipped", "The pod has `sidecar.observe/inject: false`."),
    "system-namespace": Reason("skipped", "The namespace is the cluster's own, or the webhook's."),
    "mirror-pod": Reason("skipped", "A static pod of a node: the kubelet would not see the change."),
    "by-hand": Reason("skipped", "There is a container called model-sidecar that this webhook did not add."),
    "not-a-pod": Reason("skipped", "The review is about something that has no sidecar."),
    "host-network": Reason("refused", "The pod uses its node's network: redirecting would change the node."),
    "windows": Reason("refused", "Windows pods are not supported."),
    "no-port": Reason(
        "refused", "Nothing tells which port the model listens on; set `sidecar.observe/port`."
    ),
    "several-ports": Reason(
        "refused", "More than one port may be the model's; set `sidecar.observe/port` or `/container`."
    ),
    "no-container": Reason("refused", "There is no container of the name in `sidecar.observe/container`."),
    "not-http": Reason("refused", "The port belongs to a protocol that is not HTTP/1.1, such as gRPC."),
    "model-tls": Reason("refused", "The model speaks TLS itself, so nothing between could read its calls."),
    "mesh": Reason(
        "refused",
        "A service mesh redirects this pod already; set `sidecar.observe/traffic` to port or service.",
    ),
    "pod-security": Reason(
        "refused",
        "The namespace forbids the privilege that redirecting needs;"
        " set `sidecar.observe/traffic` to port or service.",
    ),
    "needs-native": Reason(
        "refused", "The pod ends by itself, and only a native sidecar (Kubernetes 1.29) ends with it."
    ),
    "no-port-variable": Reason(
        "refused",
        "Traffic `port` needs `sidecar.observe/port-env`, the variable by which the model is moved.",
    ),
    "privileged-port": Reason(
        "refused", "Traffic `port` would have to listen below 1024, which an ordinary user can't."
    ),
    "no-free-port": Reason("refused", "The pod uses a port that was demanded for the sidecar."),
    "bad-annotation": Reason(
        "rejected", "An annotation of ours is unknown, malformed or contradicts another."
    ),
    "not-a-template": Reason(
        "refused",
        "There are no containers to put a sidecar beside, or a field is of a wrong type.",
    ),
}


class NotInjected(Exception):
    """This pod gets no sidecar: `reason` is a key of `REASONS`, `detail` what was seen in the pod."""

    def __init__(self, reason: str, detail: str = "") -> None:
        row = REASONS[reason]
        super().__init__(f"{row.meaning}{' ' if detail else ''}{detail}")
        self.detail = detail
        self.reason = reason
        self.outcome = row.outcome
