"""What the admin page tells, asked for as any script would."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import Any, NamedTuple

from examples.processes import answers

PAGES = (
    "/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/api/v1/status",
    "/api/v1/exchanges",
    "/api/v1/windows",
    "/api/v1/drift",
)


class Feature(NamedTuple):
    """One input as the observer sees it now."""

    name: str
    reference: float
    """Mean of the reference."""

    window: float
    """Mean of the rolling window."""

    evidence: float
    """Log evidence that it moved, as a share of what an alarm takes."""


class Watched(NamedTuple):
    """What the observer keeps of the model's inputs, the feature that moved most first."""

    rows: int
    """Rows in the rolling window."""

    features: tuple[Feature, ...]


NOTHING = Watched(0, ())


class Admin:
    """The admin API of one sidecar."""

    def __init__(self, url: str) -> None:
        self._url = url

    def pages(self) -> dict[str, bool]:
        """Path -> whether it answers with 200."""
        return {path: answers(self._url + path) for path in PAGES}

    def inputs(self) -> Watched:
        """The window of the model's inputs; `NOTHING` until there is one, or while nobody answers."""
        windows, drift = self._get("/api/v1/windows"), self._get("/api/v1/drift")
        flow = next((flow for flow in (windows or {}).get("windows", ()) if flow["inputs"]), None)
        tested = next((one for one in (drift or {}).get("flows", ()) if one["rows"]), None)
        if flow is None or tested is None:
            return NOTHING
        evidence = {one["feature"]: one["log_evidence"] / tested["threshold"] for one in tested["features"]}
        features = [
            Feature(
                field["name"],
                field["reference"]["mean"],
                field["window"]["mean"],
                evidence.get(field["name"]) or 0.0,
            )
            for field in flow["inputs"]["fields"]
        ]
        return Watched(flow["inputs"]["rows"], tuple(sorted(features, key=lambda one: -one.evidence)))

    def _get(self, path: str) -> Any:
        """The JSON at `path`; None while the observer doesn't answer."""
        try:
            with urllib.request.urlopen(self._url + path, timeout=2) as reply:
                return json.load(reply)
        except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError):
            return None
