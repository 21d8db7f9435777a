"""What the admin page tells, asked for as any script would."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import Any

from examples.processes import answers

PAGES = (
    "/healthz",
    "/readyz",
    "/metrics",
    "/api/v1/status",
    "/api/v1/exchanges",
    "/api/v1/windows",
    "/api/v1/drift",
)


class Admin:
    """The admin API of one sidecar."""

    def __init__(self, url: str) -> None:
        self._url = url

    def pages(self) -> dict[str, bool]:
        """Path -> whether it answers with 200."""
        return {path: answers(self._url + path) for path in PAGES}

    def get(self, path: str) -> Any:
        """The JSON at `path`; None while the observer doesn't answer."""
        try:
            with urllib.request.urlopen(self._url + path, timeout=2) as reply:
                return json.load(reply)
        except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError):
            return None
