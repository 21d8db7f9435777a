"""Which settings change while calls go on, and which need a restart. Pure.

On SIGHUP the supervisor reads its settings again, from the same file, environment and flags, and keeps of the
new ones what may change. Certificates are read again from the files that they were read from. Counterparts:
`sidecar.app` asks and passes on, `sidecar.proxy.worker` applies.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from sidecar.settings import Settings

WHILE_RUNNING = (
    "threshold",
    "adversarial_threshold",
    "expose",
    "max_scored_bytes",
    "score_deadline",
    "connect_timeout",
    "upstream_timeout",
    "header_timeout",
    "idle_timeout",
    "total_timeout",
    "drain_timeout",
    "max_header_bytes",
    "max_body_bytes",
    "max_concurrent_calls",
    "max_connections",
    "shadow_calls",
    "shadow_bytes",
    "shadow_body_bytes",
    "queue_bytes",
    "kept_body_bytes",
    "log_level",
)
"""Fields that the next call, or the next look at a connection, can go by. All others have made something
at the start (a socket, a pool, a window, a baseline) that cannot be swapped under a call."""


class Retuned(NamedTuple):
    """The settings to go on with; the names, as people write them, of those that changed and those that would
    need a restart."""

    settings: Settings
    changed: tuple[str, ...]
    refused: tuple[str, ...]


def retuned(old: Settings, new: Settings) -> Retuned:
    """`old` with what `new` may change of it."""
    differing = [name for name in old.__struct_fields__ if getattr(old, name) != getattr(new, name)]
    taken = {name: getattr(new, name) for name in differing if name in WHILE_RUNNING}
    refused = tuple(name.replace("_", "-") for name in differing if name not in taken)
    settings = msgspec.structs.replace(old, **taken)
    return Retuned(settings, tuple(name.replace("_", "-") for name in taken), refused)
