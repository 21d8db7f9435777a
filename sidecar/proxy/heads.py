"""What a parsed head means: framing, which fields go on to the other side, and what we add.

Pure: raw fields in, a frozen `RequestHead` or `ResponseHead` out. llhttp (through httptools, strict) has
already refused what is not HTTP; here is refused what is HTTP but must not pass: ambiguous framing,
several hosts, fields that only sidecar may write. Counterparts: `sidecar.proxy.listener` and
`sidecar.proxy.upstream` parse, `sidecar.proxy.call` writes. Source: RFC 9110 and RFC 9112.
"""

from __future__ import annotations

import re

import msgspec

from sidecar.errors import CallFailed
from sidecar.exchange import Headers
from sidecar.policy.known import Asked

OURS = frozenset(
    {
        b"x-anomaly-score",
        b"x-anomaly-verdict",
        b"x-anomaly-detail",
        b"x-anomaly-evidence",
        b"x-anomaly-rows",
        b"x-drift-state",
        b"x-policy-action",
        b"x-sidecar-error",
    }
)
"""Fields that only sidecar writes: dropped from callers and models alike, so that nobody can forge them."""

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"transfer-encoding",
        b"upgrade",
        b"http2-settings",
    }
)
"""Fields about one connection only (RFC 9110, 7.6.1). The other connection gets its own."""

UNDERSTOOD = HOP_BY_HOP | {b"host", b"content-length", b"expect", b"x-request-id", b"ce-id"}
"""Fields that are read here, whether or not they are passed on."""

PROTECTED = frozenset({b"host", b"content-length", b"content-type", b"content-encoding", b"x-request-id"})
"""Fields that `Connection:` may not name away: a request must not lose its meaning on our hop."""

KEPT_FOR_RECORD = frozenset(
    {
        b"content-type",
        b"content-encoding",
        b"grpc-encoding",
        b"grpc-status",
        b"inference-header-content-length",
        b"user-agent",
    }
)
"""Fields the observer needs to decode a body. All others stay in the data plane."""

HOST = re.compile(rb"[A-Za-z0-9._~!$&'()*+;=%\-]*(?:\[[0-9A-Fa-f:.]+\])?(?::[0-9]*)?")
"""What Host may look like: a name or an address, and a port (RFC 3986, 3.2.2)."""

REASON = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
"""What a reason phrase may hold (RFC 9112, 4). llhttp does not look at it."""

LONGEST_LENGTH = 20
"""Digits of a Content-Length: enough for the 64 bits that llhttp counts in. It takes any number of zeros
before them; Python reads no number of thousands of digits."""

KNOWN_OPTIONS = frozenset({b"close", b"keep-alive", b"upgrade", b"te"})
SPOKEN = ("1.1", "1.0")
IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
NO_BODY_STATUSES = frozenset({204, 304})

NEVER_TRAILERS = UNDERSTOOD | PROTECTED | {b"trailer", b"authorization", b"cookie", b"set-cookie"}
"""Fields that frame, route or authenticate a message, or say what it is: they come before the body or not at
all (RFC 9110, 6.5.1)."""


class RequestHead(msgspec.Struct, frozen=True, gc=False):
    """A caller's head, understood. `lines` is what the model gets of it, without the final empty line;
    `length` is Content-Length or -1; `upgrade` the protocol asked for, or empty;
    `expects` whether the caller waits for 100 (Continue)."""

    method: str
    target: str
    version: str
    fields: Headers
    lines: bytes
    recorded: Headers
    host: str
    request_id: bytes
    length: int
    chunked: bool
    keep_alive: bool
    upgrade: bytes
    expects: bool
    asked: list[Asked] = []
    """What it says to policies, once they have asked (`sidecar.proxy.deciding`), for as long as it's kept."""

    @property
    def has_body(self) -> bool:
        """At least one byte of a body follows, or a last chunk."""
        return self.length > 0 or self.chunked

    @property
    def repeatable(self) -> bool:
        """May be sent again when a kept-alive connection turns out closed (RFC 9110, 9.2.2)."""
        return self.method in IDEMPOTENT and not self.has_body and not self.upgrade


class ResponseHead(msgspec.Struct, frozen=True, gc=False):
    """The model's head, understood. `lines` is what the caller gets of it, without our own fields and
    without the final empty line.

    `bodiless`: no body follows, whatever the fields say. `rechunk`: the body goes to the caller in
    chunks. `until_close`: it ends with the model's connection. `unframed`: it ends with the
    caller's connection. `keeps`: the model's connection may serve again. `length`: of
    the body that follows, or -1.
    """

    status: int
    lines: bytes
    fields: Headers
    recorded: Headers
    bodiless: bool
    rechunk: bool
    until_close: bool
    unframed: bool
    keeps: bool
    length: int


class _Fields:
    """One pass over the fields of a head: `passed` are the pieces to send on, the rest is understood."""

    __slots__ = (
        "chunked", "event_id", "expects", "host", "hosts", "length", "options", "passed", "recorded",
        "request_id", "trailers", "upgrade",
    )  # fmt: skip

    def __init__(self, fields: Headers, dropped: frozenset[bytes], host: bytes) -> None:
        self.length = -1
        self.hosts = 0
        self.chunked = self.expects = self.trailers = False
        self.upgrade = self.request_id = self.event_id = self.host = b""
        self.options: frozenset[bytes] = frozenset()
        self.recorded: list[tuple[bytes, bytes]] = []
        self.passed: list[bytes] = []
        add = self.passed.extend
        for field in fields:
            name, value = field
            key = name.lower()
            if key in UNDERSTOOD:
                self._understand(key, value)
                if host and key == b"host":
                    value = host
                elif not value and key == b"x-request-id":
                    continue  # it names no call, and ours goes in its place
            elif key in KEPT_FOR_RECORD:
                self.recorded.append(field)
            if key not in dropped:
                add((name, b": ", value, b"\r\n"))
        named_away = self.options - KNOWN_OPTIONS - PROTECTED
        if named_away:
            away = named_away | {b"connection"}
            kept = tuple(field for field in fields if field[0].lower() not in away)
            self.passed = _Fields(kept, dropped, host).passed

    def _understand(self, key: bytes, value: bytes) -> None:
        if key == b"host":
            if not HOST.fullmatch(value):
                raise CallFailed("bad-request", "Host is no host")
            self.hosts += 1
            self.host = value
        elif key == b"content-length":
            if self.length != -1 or not value.isdigit() or len(value) > LONGEST_LENGTH:
                raise CallFailed("bad-request", "Content-Length must be one number")
            self.length = int(value)
        elif key == b"transfer-encoding":
            if self.chunked or value.lower() != b"chunked":
                raise CallFailed("not-implemented", "Transfer-Encoding: only chunked is understood")
            self.chunked = True
        elif key == b"connection":
            self.options |= _tokens(value)
        elif key == b"upgrade":
            self.upgrade = value
        elif key == b"expect":
            self.expects = True
        elif key == b"te":
            self.trailers = b"trailers" in _tokens(value)
        elif key == b"x-request-id":
            self.request_id = self.request_id or value
        elif key == b"ce-id":
            self.event_id = self.event_id or value

    def keep_alive(self, version: str) -> bool:
        return b"close" not in self.options and (version != "1.0" or b"keep-alive" in self.options)


def _tokens(value: bytes) -> frozenset[bytes]:
    return frozenset([token.strip() for token in value.lower().split(b",")])


def request_head(
    method: bytes,
    target: bytes,
    version: str,
    fields: Headers,
    dropped: frozenset[bytes],
    model: bytes = b"",
) -> RequestHead:
    """Understand a caller's head. Raises `CallFailed` for what must not pass. `model` is the Host of a
    request that may come without one, because it is HTTP/1.0.

    llhttp refuses Content-Length beside Transfer-Encoding and differing Content-Lengths; that such a
    request is never forwarded must not hang on one parser's mood, so it is checked again.
    """
    if method == b"CONNECT":
        raise CallFailed("not-implemented", "CONNECT is for forward proxies")
    if version not in SPOKEN:
        raise CallFailed("bad-request", "only HTTP/1.0 and HTTP/1.1 are spoken here")
    path, host = origin_form(target)
    read = _Fields(fields, dropped, host)
    if read.chunked and (read.length != -1 or version == "1.0"):
        raise CallFailed("bad-request", "Transfer-Encoding with Content-Length or in HTTP/1.0")
    if read.hosts > 1 or (read.hosts == 0 and version == "1.1"):
        raise CallFailed("bad-request", f"{read.hosts} Host fields, exactly one is required")
    wanted = b"upgrade" in read.options and b"h2c" not in read.upgrade.lower()
    upgrade = read.upgrade if wanted and not read.chunked and read.length <= 0 else b""
    pieces = [method, b" ", path, b" HTTP/1.1\r\n", *read.passed]
    if read.event_id and not read.request_id:  # a CloudEvent's id names the call, as with KServe
        read.request_id = read.event_id
        pieces += (b"X-Request-Id: ", read.event_id, b"\r\n")
    if not read.hosts:
        pieces += (b"Host: ", host or model, b"\r\n")
    if read.chunked:
        pieces.append(b"Transfer-Encoding: chunked\r\n")
    if upgrade:
        pieces += (b"Connection: Upgrade\r\nUpgrade: ", upgrade, b"\r\n")
    elif read.trailers:
        pieces.append(b"TE: trailers\r\nConnection: TE\r\n")
    return RequestHead(
        method.decode("latin-1"),
        target.decode("latin-1"),
        version,
        fields,
        b"".join(pieces),
        tuple(read.recorded),
        (host or read.host).decode("latin-1"),
        read.request_id,
        read.length,
        read.chunked,
        read.keep_alive(version),
        upgrade,
        read.expects,
    )


def trailers(fields: Headers, dropped: frozenset[bytes]) -> Headers:
    """Those fields after a body that may pass."""
    return tuple(
        field for field in fields if (key := field[0].lower()) not in dropped and key not in NEVER_TRAILERS
    )


def origin_form(target: bytes) -> tuple[bytes, bytes]:
    """(origin-form, authority or empty): an absolute-form target overrides Host (RFC 9112, 3.2.2)."""
    if target[:1] == b"/" or target == b"*":
        return target, b""
    scheme, found, rest = target.partition(b"://")
    if not found or scheme.lower() not in (b"http", b"https"):
        raise CallFailed("bad-request", "the request target must be a path or an http URL")
    authority, slash, path = rest.partition(b"/")
    host, query_mark, query = authority.partition(b"?")
    host = host.rpartition(b"@")[2]
    if not host or not HOST.fullmatch(host):
        raise CallFailed("bad-request", "the request target names no host")
    return b"/" + path if slash else b"/" + query_mark + query, host


def response_head(
    status: int,
    reason: bytes,
    version: str,
    fields: Headers,
    request: RequestHead,
    dropped: frozenset[bytes],
) -> ResponseHead:
    """Understand the model's head, as the answer to `request`. Raises `CallFailed("upstream-malformed")`."""
    try:
        read = _Fields(fields, dropped, b"")
    except CallFailed as failed:
        raise CallFailed("upstream-malformed", failed.detail) from failed
    if version not in SPOKEN or status < 100 or not REASON.fullmatch(reason):
        raise CallFailed("upstream-malformed", "a status line that is none")
    if read.chunked and read.length != -1:
        raise CallFailed("upstream-malformed", "Transfer-Encoding with Content-Length")
    if status == 101 and not (request.upgrade and read.upgrade and b"upgrade" in read.options):
        raise CallFailed("upstream-malformed", "101 to a call that asked for no upgrade, or to no protocol")
    pieces = [b"HTTP/1.1 %d " % status, reason, b"\r\n", *read.passed]
    knows_chunks = request.version != "1.0"
    bodiless = request.method == "HEAD" or status < 200 or status in NO_BODY_STATUSES
    unknown_end = not bodiless and (read.chunked or read.length < 0)
    if status == 101:
        pieces += (b"Connection: Upgrade\r\nUpgrade: ", read.upgrade, b"\r\n")
    elif knows_chunks and (unknown_end or (read.chunked and request.method == "HEAD")):
        pieces.append(b"Transfer-Encoding: chunked\r\n")
    until_close = unknown_end and not read.chunked
    return ResponseHead(
        status,
        b"".join(pieces),
        fields,
        tuple(read.recorded),
        bodiless,
        unknown_end and knows_chunks,
        until_close,
        unknown_end and not knows_chunks,
        read.keep_alive(version) and not until_close and not (read.chunked and version == "1.0"),
        0 if bodiless else read.length,
    )
