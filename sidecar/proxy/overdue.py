"""Which call has waited too long, and for whom. Pure; `sidecar.proxy.sweep` has it asked."""

from __future__ import annotations

from time import perf_counter_ns
from typing import TYPE_CHECKING

from sidecar.errors import CallFailed

if TYPE_CHECKING:
    from sidecar.proxy.call import Call


def overdue(call: Call, now: float) -> CallFailed | None:
    """How `call` is to fail, or None while its time is not up. `now` is the monotonic clock in seconds.

    Time in which the other side is not asked for anything does not count: a caller who is not being
    read from does not stall, and a model does not stall while its answer cannot be delivered.
    """
    settings, client = call.plane.settings, call.client
    if call.tunnelling:
        return None
    if settings.total_timeout and (perf_counter_ns() - call.started) / 1e9 > settings.total_timeout:
        return CallFailed("upstream-timeout", f"call not finished in {settings.total_timeout} s")
    if not call.request_complete and not client.paused:
        if now - max(client.last_read, call.last_moved) > settings.idle_timeout:
            return CallFailed("request-timeout", f"body stalled for {settings.idle_timeout} s")
    elif (
        call.upstream is not None
        and not client.stuck_since
        and now - call.last_moved > settings.upstream_timeout
    ):
        cause = "response-truncated" if call.head_sent else "upstream-timeout"
        return CallFailed(cause, f"nothing for {settings.upstream_timeout} s")
    return None
