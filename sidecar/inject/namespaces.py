"""What is known of a pod's namespace: its Pod Security level and, on OpenShift, its range of user ids.

Asked once in a while for each namespace, never for each pod. When the API does not answer, the level is
`unknown` for a moment, and nothing that needs a privilege is tried. Counterpart: `sidecar.inject.server`.
"""

from __future__ import annotations

import logging
import re
import time
from typing import NamedTuple

from sidecar.inject.cluster import Cluster, ClusterError
from sidecar.inject.reasons import Json
from sidecar.inject.settings import PodSecurity

log = logging.getLogger(__name__)

LASTS = 30.0
FAILURE_LASTS = 5.0
MOST = 4096


class Facts(NamedTuple):
    """Of one namespace."""

    pod_security: PodSecurity = ""
    user_range: tuple[int, int] | None = None


def facts(namespace: Json) -> Facts:
    """What its labels and annotations say."""
    metadata = namespace.get("metadata") or {}
    level = (metadata.get("labels") or {}).get("pod-security.kubernetes.io/enforce", "")
    ids = (metadata.get("annotations") or {}).get("openshift.io/sa.scc.uid-range", "")
    found = re.fullmatch(r"([0-9]+)[/-]([0-9]+)", ids)
    if found is None:
        user_range = None
    else:
        first, second = int(found[1]), int(found[2])
        user_range = (first, second if "/" in ids else second - first + 1)
    return Facts(level if level in ("privileged", "baseline", "restricted") else "", user_range)


class Namespaces:
    """The namespaces of a cluster, remembered for half a minute."""

    def __init__(self, cluster: Cluster | None) -> None:
        self._cluster = cluster
        self._known: dict[str, tuple[float, Facts]] = {}

    async def facts(self, name: str) -> Facts:
        """What is known of one, asked if it was not lately."""
        if self._cluster is None or not name:
            return Facts()
        until, known = self._known.get(name, (0.0, Facts()))
        if time.monotonic() < until:
            return known
        try:
            known = facts(await self._cluster.get(f"/api/v1/namespaces/{name}"))
            lasts = LASTS
        except ClusterError as error:
            log.warning("namespace %s: %s", name, error)
            known, lasts = Facts("unknown"), FAILURE_LASTS
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[name] = (time.monotonic() + lasts, known)
        return known
