"""What the owner of the cluster has settled for all pods, as a YAML file; and what is known around one pod.

The Helm chart writes the file into a ConfigMap; `sidecar inject --config` reads the same. Counterpart:
`sidecar.inject.annotations`, which a pod's owner uses to say otherwise.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import msgspec

from sidecar import __version__
from sidecar.errors import UsageError
from sidecar.inject.annotations import QUANTITY

Traffic: TypeAlias = Literal["redirect", "service", "port"]
PodSecurity: TypeAlias = Literal["", "privileged", "baseline", "restricted", "unknown"]

SYSTEM_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease"})
"""Never injected: a cluster has to come up without us."""

USER = 9700
"""The sidecar's user id: numeric, so that `runAsNonRoot` can be checked, and of nobody else."""


Quantity: TypeAlias = Annotated[str, msgspec.Meta(pattern=rf"^({QUANTITY})?\Z")]


class Quantities(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """CPU and memory; empty: none."""

    cpu: Quantity = ""
    memory: Quantity = ""


class Resources(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a container is granted. Memory is that of the data plane and the observer, with room for a fit; a
    limit on CPU would make calls wait, so there is none."""

    requests: Quantities = Quantities("100m", "256Mi")
    limits: Quantities = Quantities("", "768Mi")


class InjectSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """The file of `sidecar webhook --config` and `sidecar inject --config`."""

    image: str = f"model-sidecar:{__version__}"
    """The sidecar's image; best with its digest."""

    image_pull_policy: str = "IfNotPresent"
    image_pull_secrets: tuple[str, ...] = ()
    """Secrets of the registry, added to those of the pod."""

    traffic: Traffic = "redirect"
    """How calls reach the sidecar in pods that do not say."""

    resources: Resources = Resources()
    user: Annotated[int, msgspec.Meta(ge=1)] = USER
    environment: dict[str, str] = {}
    """Variables of every sidecar, such as OTEL_EXPORTER_OTLP_ENDPOINT or SIDECAR_THRESHOLD."""

    skip_namespaces: tuple[str, ...] = ()
    """Beside those of the system, and the webhook's own."""


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What is known around one pod when it is decided on."""

    settings: InjectSettings = InjectSettings()
    namespace: str = ""
    namespace_asks: bool = True
    """Whether a pod that says nothing is to be injected."""

    native: bool = True
    """Whether the cluster knows native sidecars (1.29 and later)."""

    pod_security: PodSecurity = ""
    """The Pod Security level that the namespace enforces; empty: none. `unknown`: it could not be asked."""

    user_range: tuple[int, int] | None = None
    """First user id and number of ids that the namespace allows (OpenShift)."""


def read(path: Path | None) -> InjectSettings:
    """The settings in a file, the defaults without one. Raises UsageError naming file and field."""
    if path is None:
        return InjectSettings()
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=InjectSettings)
    except OSError as error:
        raise UsageError(f"--config {path}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise UsageError(f"--config {path}: {error}") from error
