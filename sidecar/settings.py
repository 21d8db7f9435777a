"""Every setting: its type, unit, default and the reason for the default.

One name gives the YAML key (`connect-timeout`), the environment variable (`SIDECAR_CONNECT_TIMEOUT`)
and the flag (`--connect-timeout`). Counterparts: `sidecar.sources` reads them and refuses what is wrong;
`sidecar.manual` prints the docstring under each field in `sidecar run --help` and `docs/settings.md`.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

# The kinds of value. The title is the unit, as help and documentation print it; the description completes
# "expected ..." in an error; `sidecar.values` reads them and checks the bounds.

Url: TypeAlias = Annotated[
    str, Meta(title="URL", description="http://host:port, https://host:port or unix:/path/to.sock")
]
WebUrlOrNone: TypeAlias = Annotated[
    str, Meta(title="[URL]", description="http://host/path or https://host/path, or nothing")
]
Address: TypeAlias = Annotated[
    str, Meta(title="HOST:PORT", description="host:port, such as 127.0.0.1:9700 or [::1]:9700")
]
UrlOrNone: TypeAlias = Annotated[
    str,
    Meta(
        title="[SERVER]", description="http://host:port, https://host:port or unix:/path/to.sock, or nothing"
    ),
]
AddressOrNone: TypeAlias = Annotated[
    str, Meta(title="[HOST:PORT]", description="host:port, such as 127.0.0.1:9701, or nothing")
]
Directory: TypeAlias = Annotated[str, Meta(title="DIR", description="the path of a directory")]
File: TypeAlias = Annotated[str, Meta(title="FILE", description="the path of a file")]
Text: TypeAlias = Annotated[str, Meta(title="TEXT", description="text")]
Name: TypeAlias = Annotated[str, Meta(title="NAME", description="a name without spaces")]
Names: TypeAlias = Annotated[
    str, Meta(title="NAMES", description="one or more names separated by commas, such as accept,host")
]
Detectors: TypeAlias = Annotated[
    str,
    Meta(
        title="DETECTORS",
        description="PyOD detectors separated by commas, such as ecod,iforest or lof,abod(n_neighbors=5)",
    ),
]
Format: TypeAlias = Literal["auto", "v2", "v1", "mlflow", "openai", "csv", "npy", "image", "plain"]
Count: TypeAlias = Annotated[int, Meta(title="COUNT", description="a whole number, 1 or more", ge=1)]
CountOrZero: TypeAlias = Annotated[int, Meta(title="COUNT", description="a whole number, 0 or more", ge=0)]
Bytes: TypeAlias = Annotated[
    int, Meta(title="BYTES", description="bytes, 1 or more, such as 65536 or 64KiB", ge=1)
]
BytesOrZero: TypeAlias = Annotated[
    int, Meta(title="BYTES", description="bytes, 0 or more, such as 65536 or 64KiB", ge=0)
]
Seconds: TypeAlias = Annotated[
    float, Meta(title="SECONDS", description="seconds above 0, such as 2.5 or 500ms", gt=0)
]
SecondsOrZero: TypeAlias = Annotated[
    float, Meta(title="SECONDS", description="seconds, 0 or more, such as 2.5 or 500ms", ge=0)
]
Share: TypeAlias = Annotated[float, Meta(title="SHARE", description="a number from 0 to 1", ge=0, le=1)]
Probability: TypeAlias = Annotated[
    float, Meta(title="PROBABILITY", description="a number between 0 and 1, such as 0.01", gt=0, lt=1)
]


RETUNED = "settings.json"
"""Where in the run directory the supervisor leaves changed settings for the data planes to read."""


Redaction: TypeAlias = Annotated[
    str, Meta(title="RULES", description="names of patterns, $.json.paths and column:NAME, comma-separated")
]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """The whole configuration of one sidecar, resolved and immutable."""

    # -- where -------------------------------------------------------------------------------------

    upstream: Url
    """URL of the model server: `http://host:port`, `https://host:port` or `unix:/path/to.sock`. Required."""

    listen: Address = "127.0.0.1:9700"
    """Address that takes the model's traffic. Loopback, so that nothing is exposed by accident."""

    admin: Address = "127.0.0.1:9702"
    """Address of metrics, health, API and console. Loopback: what it shows is not for the public. On another
    one the sidecar starts only with `admin-token`, or told by `admin-open` what anybody may do."""

    admin_token: File = ""
    """File with the bearer token that may read and write on the admin address; read anew each time. Once
    there is one, all but probes and metrics ask for it, also on this machine. Empty: none."""

    admin_read_token: File = ""
    """File with the bearer token that may read there and write nothing; `peers` are asked with it, too.
    Empty: none."""

    admin_open: Literal["no", "health", "read", "write"] = "no"
    """What may be done on the admin address without a token from another machine. `health`: probes and
    metrics; `read`: everything that only shows; `write`: all. `no`: as `health`, but a sidecar without a
    token doesn't even start on an address that others reach."""

    grpc_listen: AddressOrNone = ""
    """Address that takes the model's gRPC traffic. A port of its own, because HTTP/2 is another protocol from
    the first byte. Empty: no gRPC."""

    grpc_upstream: UrlOrNone = ""
    """URL where the model server takes gRPC, such as `http://127.0.0.1:8081`: its path is the caller's own.
    Needed with `grpc-listen`."""

    egress: AddressOrNone = ""
    """Address that takes the model's own calls to others, so that traces connect: set HTTP_PROXY of the
    model to it, or use a `route`. Empty: no egress."""

    route: Text = ""
    """Named targets of the egress, such as `intent=http://intent:9700,action=http://action:9700`: reached as
    `http://EGRESS/intent/...` or by `Host: intent`. Only these are told the caller's baggage."""

    workers: Count = 1
    """Data plane processes that share the port. One keeps up with most models."""

    run_dir: Directory = ""
    """Directory for sockets, snapshots and learned baselines. Empty: a temporary one, removed at the end."""

    # -- scoring -----------------------------------------------------------------------------------

    baseline: Directory = ""
    """Baseline directory written by `sidecar fit`, or a URL below which its files lie (fsspec), best with its
    digest: `s3://models/fraud#sha256=...`. Empty: learn one from the first calls."""

    learn_rows: Count = 500
    """Rows of traffic to learn from when no baseline is given; 500 let a threshold of 0.01 mean something."""

    detectors: Detectors = "ecod,knn-500"
    """PyOD detectors to fit when learning, comma-separated, with parameters if need be:
    `abod(n_neighbors=5)`. Fast, and together better on known outliers than any single one: `ecod` looks at
    each value, `knn-500` at the whole row."""

    threshold: Probability = 0.01
    """A row is an outlier when its p-value is at most this: the share of clean traffic that gets flagged."""

    adversarial_threshold: Probability = 0.01
    """A call is adversarial when the p-value of noise, or of an answer that flips, is at most this: the share
    of clean traffic that each calls so. Needs a baseline fitted with `--pixels`."""

    batch_control: Literal["each", "false-discovery"] = "each"
    """How rows of a call with many are flagged. `each`: by the threshold, as if it came alone, so of 100
    clean rows about one is. `false-discovery`: so that `threshold` is the share of false ones among the
    flagged (Benjamini-Hochberg); takes a larger reference."""

    expose: Literal["caller", "model", "both", "none"] = "caller"
    """Who sees the anomaly headers.
    A public edge should say `model` or `none`: to an attacker a score is an oracle."""

    policy: File = ""
    """File of policies, or directory of such files: what happens to a call, by its score and other facts.
    Read again whenever it changes. Empty: every call passes."""

    sequences: Literal["when-asked", "always"] = "when-asked"
    """When it is looked whether a call is one of a sequence of questions near one another, as attackers ask
    them. `when-asked`: while a rule of the policies asks for `sequence.n` or alike, because it takes about a
    tenth of a millisecond a call."""

    sequence_seconds: Seconds = 3600.0
    """Seconds that a question is remembered for sequences, at most. An hour: an attack takes minutes."""

    codec: Format = "auto"
    """Wire format of the model's bodies. `auto` finds it by method, path and headers; a name settles it."""

    max_scored_bytes: BytesOrZero = 4_194_304
    """Bytes of a request body that scoring will look at. A larger body passes through unscored."""

    score_deadline: Seconds = 0.05
    """Seconds an answer of the model waits for a score that is not ready; then it goes out `unscored`.
    Only bodies too large for the event loop ever come near it."""

    # -- time --------------------------------------------------------------------------------------

    connect_timeout: Seconds = 2.0
    """Seconds to reach the model server. It runs in the same pod, so two are plenty."""

    upstream_timeout: Seconds = 60.0
    """Seconds without a byte from the model before the call fails with 504. Long enough for a slow model."""

    header_timeout: Seconds = 10.0
    """Seconds a caller may take to send its request headers. Stops slow-header attacks."""

    idle_timeout: Seconds = 75.0
    """Seconds an idle keep-alive connection is kept. Longer than the 60 of common load balancers."""

    total_timeout: SecondsOrZero = 0.0
    """Seconds one call may take in all. 0: no limit, because streams may be long."""

    drain_timeout: SecondsOrZero = 20.0
    """Seconds to finish calls in flight after SIGTERM. Under the 30 that Kubernetes grants."""

    # -- limits ------------------------------------------------------------------------------------

    max_header_bytes: Bytes = 65_536
    """Bytes of request line and headers; more is answered with 431. Room for long tokens and cookies."""

    max_body_bytes: BytesOrZero = 0
    """Bytes of a request body; more is answered with 413. 0: no limit, the body is streamed."""

    max_concurrent_calls: Count = 4096
    """Calls in flight for one worker; more are answered with 503 and Retry-After.
    Far more than a model can serve."""

    max_connections: Count = 8192
    """Open client connections for one worker; more are closed at once.
    Twice the calls, because many are idle."""

    shadow_calls: Count = 64
    """Calls that one worker asks of other models at a time, where a policy says `shadow`; others are dropped
    and counted. A second model slower than the first must not fill our memory."""

    shadow_bytes: Bytes = 16_777_216
    """Bytes of bodies that such calls may hold in one worker; others are dropped and counted."""

    shadow_body_bytes: Bytes = 1_048_576
    """Bytes of a request and of an answer up to which a call is asked of other models. Held until the call
    has ended."""

    # -- TLS -----------------------------------------------------------------------------------------

    tls_cert: File = ""
    """PEM certificate chain that callers are shown. Empty: plain HTTP, as usual inside a pod."""

    tls_key: File = ""
    """PEM private key of `tls-cert`. Empty: it is in the same file."""

    tls_client_ca: File = ""
    """PEM certificates that callers must be signed by (mutual TLS). Empty: callers need no certificate."""

    upstream_ca: File = ""
    """PEM certificates that an https upstream must be signed by. Empty: those the system trusts."""

    upstream_cert: File = ""
    """PEM certificate chain shown to an https upstream that asks for one. Empty: none."""

    upstream_key: File = ""
    """PEM private key of `upstream-cert`. Empty: it is in the same file."""

    upstream_server_name: Text = ""
    """Name that an https upstream's certificate must carry. Empty: the host of `upstream`."""

    # -- observing ---------------------------------------------------------------------------------

    squeeze_share: Share = 1.0
    """Share of calls about which a policy may ask the model again: each is up to four questions more."""

    squeeze_calls: Count = 8
    """Calls about which one worker asks the model again at a time; others are only counted."""

    queue_bytes: Bytes = 16_777_216
    """Bytes of records that may wait for the observer; beyond, they are dropped and counted."""

    window_rows: Count = 1000
    """Rows in a rolling window. 1000 show a shift of a few tenths of a standard deviation."""

    window_seconds: Seconds = 3600.0
    """Seconds in a rolling window, whichever bound is reached first.
    An hour, so that a quiet model still has a window."""

    model_version: Text = ""
    """Version of the model where neither path nor answer names one. Each version has windows of its own, so
    change it when another model goes to the same place."""

    model_version_header: Text = "x-model-version"
    """Header of the model's answers that names its version, where path and body don't. Empty: none."""

    refit_seconds: SecondsOrZero = 0.0
    """Seconds between refits: a new baseline is learned from clean traffic and takes the place of the old one
    if it does no worse. 0: only when asked for, because a reference should not change by itself."""

    cohort_seconds: Seconds = 86_400.0
    """Seconds that flagged rows are kept for, to be grouped into cohorts.
    A day, so that a night is still there in the morning."""

    snapshot_seconds: Seconds = 10.0
    """Seconds between snapshots of the windows, from which a restarted observer goes on."""

    kept_exchanges: Count = 200
    """Latest exchanges kept for `/api/v1/exchanges`. Enough to look at, small enough to forget."""

    kept_body_bytes: BytesOrZero = 65_536
    """Bytes of each response body told to the observer, for output windows. A longer body is not decoded."""

    label_horizon: Seconds = 86_400.0
    """Seconds that an answered call waits for its labels, and a label for its call.
    A day, so that what is known in the evening still finds the morning's calls."""

    label_bytes: Bytes = 10_485_760
    """Bytes of answered calls kept for their labels, about 30,000 calls of one row. When there are more, an
    even share of them is kept, chosen by request id."""

    prediction: Text = ""
    """Which output is the prediction: `value=price` for a quantity; `class=label,score=p[1],positive=yes`, or
    some of these, for a class. Empty: inferred from the outputs and the first labels."""

    pair_rows: CountOrZero = 2000
    """Rows of question and answer kept beside each other, for `sidecar cascade`; 0: none.
    2000 are some megabytes, and tell a changed model from a changed world."""

    canary_seconds: SecondsOrZero = 0.0
    """Seconds between rounds in which up to 8 old questions are asked again, past the callers, so that
    `sidecar cascade` knows for certain whether a deterministic model changed. 0: never, because a model may
    count, bill or remember what it is asked. Not with `redact`: questions would not be the old ones."""

    peers: Text = ""
    """Admin addresses of the other sidecars of the chain, such as
    `speech=http://speech:9702,action=http://action:9702`. They are listened to, so that chains connect whose
    caller keeps no trace context, and a drift that came from an earlier model says so. Empty: none."""

    service_name: Name = "sidecar"
    """Name of the model's service in traces when OTEL_SERVICE_NAME is not set."""

    trace_ratio: Share = 0.01
    """Share of traces started here that are exported; a caller's own decision is respected.
    1 % keeps cost low."""

    trace_url: Text = ""
    """Address of a trace in your viewer, such as `http://jaeger:16686/trace/{trace}`, that the console links
    to; `{trace}` becomes the trace id. Empty: the console draws the trace itself."""

    access_log: File = ""
    """File that gets a JSON line for each call, with request id and trace id; `-` is standard output.
    Empty: none, because metrics and traces say it better."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe message that is logged to standard error, as JSON lines."""

    # -- alerts ------------------------------------------------------------------------------------

    alert_url: WebUrlOrNone = ""
    """URL that alerts of drift and of policies are posted to. One that ends in `/api/v2/alerts` is an
    Alertmanager, any other gets the message of Alertmanager's webhooks, version 4. Empty: nobody is told."""

    alert_repeat: Seconds = 14_400.0
    """Seconds between reminders of an alert that still stands. Four hours, as Alertmanager has it (which
    repeats by its own rules: it's sent what stands every minute)."""

    alert_silence: SecondsOrZero = 600.0
    """Seconds after an alert was told in which the same one, ended and back, is not told again. Ten minutes,
    so that what comes and goes is one message."""

    alert_token: File = ""
    """File with a bearer token for `alert-url`, read anew for each message. Empty: none."""

    # -- capture -----------------------------------------------------------------------------------

    capture: Text = ""
    """Directory, or URL that fsspec reads such as `s3://bucket/prefix`, to keep calls in as Parquet.
    Empty: nothing is kept."""

    capture_events: Text = ""
    """URL that kept calls are sent to as CloudEvents, the way KServe's logger sends them. Empty: none are."""

    capture_rate: Share = 0.1
    """Share of normal calls that are kept; those that are odd or broke all are.
    Each carries its weight, so a tenth is enough for estimates."""

    capture_body_bytes: BytesOrZero = 65_536
    """Bytes kept of each body of a captured call; a longer one is cut and says so."""

    capture_headers: Names = "content-type,content-encoding,inference-header-content-length,user-agent"
    """Header fields that a capture may keep. All others stay in the data plane: most secrets travel in
    headers."""

    redact: Redaction = "email,card,iban,token,aws,pem,named"
    """What is taken out of all that leaves the data plane: patterns, `named` for values called password or
    alike, JSON paths such as `$..phone`, `column:NAME`; `none` takes out nothing."""

    capture_segment_bytes: Bytes = 67_108_864
    """Bytes of calls before they become a Parquet file, which is a fraction of that. Large enough for
    readers, small enough to move."""

    capture_segment_seconds: Seconds = 300.0
    """Seconds before calls become a Parquet file, however few they are. Other engines see them that late,
    `sidecar query` at once."""

    capture_queue_bytes: Bytes = 33_554_432
    """Bytes of calls that may wait in memory for each sink; beyond, they are dropped and counted."""

    capture_spool_bytes: Bytes = 268_435_456
    """Bytes of finished files that may wait in the run directory for a slow or broken `capture` URL."""

    capture_timeout: Seconds = 60.0
    """Seconds that one delivery to a URL may take before it counts as hung and is tried again."""

    capture_keep_bytes: BytesOrZero = 10_737_418_240
    """Bytes of Parquet files kept at `capture`; the oldest go first. 0: no limit."""

    capture_keep_seconds: SecondsOrZero = 604_800.0
    """Seconds that Parquet files are kept at `capture`. A week; 0: no limit."""
