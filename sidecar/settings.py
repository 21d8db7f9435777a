"""Every setting: its type, unit, default and the reason for the default.

One name gives the YAML key (`connect-timeout`), the environment variable (`SIDECAR_CONNECT_TIMEOUT`)
and the flag (`--connect-timeout`). The docstring under a field is what `sidecar run --help` and
`docs/settings.md` print. Counterpart: `sidecar.sources`, which reads them and refuses what is wrong.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """The whole configuration of one sidecar, resolved and immutable."""

    # -- where -------------------------------------------------------------------------------------

    upstream: str
    """URL of the model server: `http://host:port`, `https://host:port` or `unix:/path/to.sock`. Required."""

    listen: str = "127.0.0.1:9700"
    """Address that takes the model's traffic. Loopback, so that nothing is exposed by accident."""

    admin: str = "127.0.0.1:9702"
    """Address of metrics, health, API and console. Loopback: what it shows is not for the public."""

    workers: int = 1
    """Data plane processes that share the port. One keeps up with most models."""

    run_dir: str = ""
    """Directory for sockets, snapshots and learned baselines. Empty: a temporary one, removed at the end."""

    # -- scoring -----------------------------------------------------------------------------------

    baseline: str = ""
    """Baseline directory written by `sidecar fit`. Empty: learn one from the first calls."""

    learn_rows: int = 500
    """Rows of traffic to learn a baseline from when none is given. 500 lets a threshold of 0.01 mean something."""

    detectors: str = "ecod,iforest"
    """PyOD detectors to fit when learning, comma-separated. Fast ones that compile exactly."""

    threshold: float = 0.01
    """A row is an outlier when its p-value is at most this: the share of clean traffic that gets flagged."""

    expose: Literal["caller", "model", "both", "none"] = "caller"
    """Who sees the anomaly headers. A public edge should say `model` or `none`: to an attacker a score is an oracle."""

    codec: str = "auto"
    """Wire format of the model's bodies. `auto` finds it by path, headers and body; a name settles it."""

    max_scored_bytes: int = 4_194_304
    """Bytes of a request body that scoring will look at. A larger body passes through unscored."""

    # -- time --------------------------------------------------------------------------------------

    connect_timeout: float = 2.0
    """Seconds to reach the model server. It runs in the same pod, so two are plenty."""

    upstream_timeout: float = 60.0
    """Seconds without a byte from the model before the call fails with 504. Long enough for a slow model."""

    header_timeout: float = 10.0
    """Seconds a caller may take to send its request headers. Stops slow-header attacks."""

    idle_timeout: float = 75.0
    """Seconds an idle keep-alive connection is kept. Longer than the 60 of common load balancers."""

    total_timeout: float = 0.0
    """Seconds one call may take in all. 0: no limit, because streams may be long."""

    drain_timeout: float = 20.0
    """Seconds to finish calls in flight after SIGTERM. Under the 30 that Kubernetes grants."""

    # -- limits ------------------------------------------------------------------------------------

    max_header_bytes: int = 65_536
    """Bytes of request line and headers; more is answered with 431."""

    max_body_bytes: int = 0
    """Bytes of a request body; more is answered with 413. 0: no limit, the body is streamed."""

    max_concurrent_calls: int = 4096
    """Calls in flight for one worker; more are answered with 503 and Retry-After."""

    max_connections: int = 8192
    """Open client connections for one worker; more are closed at once."""

    # -- observing ---------------------------------------------------------------------------------

    queue_bytes: int = 16_777_216
    """Bytes of records that may wait for the observer; beyond, records are dropped and counted."""

    window_rows: int = 1000
    """Rows in a rolling window."""

    window_seconds: float = 3600.0
    """Seconds in a rolling window; whichever bound is reached first."""

    snapshot_seconds: float = 10.0
    """Seconds between snapshots of the windows, from which a restarted observer goes on."""

    kept_exchanges: int = 200
    """Latest exchanges kept for `/api/v1/exchanges`."""

    kept_body_bytes: int = 65_536
    """Bytes of each response body told to the observer, for output windows. A longer body is not decoded."""

    service_name: str = "sidecar"
    """Name of the model's service in traces when OTEL_SERVICE_NAME is not set."""

    trace_ratio: float = 0.01
    """Share of traces started here that are exported; a caller's own decision is respected. 1 % keeps cost low."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """How much is logged to standard error, as JSON lines."""
