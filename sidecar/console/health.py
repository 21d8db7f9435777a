"""/healthz and /readyz: does this process work, and would a call be answered now. Pure functions."""

from __future__ import annotations

import msgspec

from sidecar.console import policy_view
from sidecar.console.views import View, learning
from sidecar.observer.observer import Observer


def readiness(observer: Observer) -> tuple[int, View]:
    """The status and body of /readyz.

    200 when at least one worker is connected and not draining and the model is not known to be down, else
    503 with the reasons. Learning and a missing baseline don't count: calls pass all the same.
    """
    health = observer.workers.health(observer.clock())
    body = {
        "ready": not health.reasons,
        "reasons": health.reasons,
        "data_plane": {"state": health.data_plane, "workers": health.workers},
        "upstream": {"state": health.upstream, "url": observer.settings.upstream},
        "learning": learning(observer),
        "baseline_error": observer.baseline_error,
        "policy_errors": policy_view.errors(observer),
    }
    return (503 if health.reasons else 200), msgspec.to_builtins(body)
