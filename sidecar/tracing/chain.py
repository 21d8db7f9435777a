"""The chain of models in W3C baggage: who fed whom, also when a call is not sampled.

Each sidecar adds its service name to the member `sidecar.chain`; the last name is the model that made
the call. The caller's own baggage is never rewritten: a further `baggage` line is added, and of members that
stand several times the last one counts (as in the OpenTelemetry SDKs). Source: W3C Baggage, 3.2 and 3.3.
Counterparts: `sidecar.tracing.context` writes it, the observer counts edges by it.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

KEY = "sidecar.chain"
ODD = "sidecar.upstream"
"""The member that says that a model before was itself asked something odd: its value is the verdict."""
LONGEST = 16
"""Names in a chain. A longer one, a loop of models perhaps, loses its first names."""

_SAFE = "-._~"  # what RFC 3986 leaves unreserved; `>` stands between names, so it is escaped within them


def chain(baggage: str) -> tuple[str, ...]:
    """The models that a call has come through, first to last. Empty for baggage that says nothing of them.

    `baggage` is the field's value, several fields joined by commas. Never raises: anybody may send anything.
    """
    if KEY not in baggage:
        return ()
    found = ""
    for member in baggage.split(","):
        key, _, value = member.partition("=")
        if key.strip(" \t") == KEY:
            found = value.partition(";")[0].strip(" \t")
    return tuple(unquote(name, errors="replace")[:256] for name in found.split(">") if name)[-LONGEST:]


def odd(baggage: str) -> bool:
    """Was a model before this one asked something odd?"""
    return any(member.strip(" \t").partition("=")[0].rstrip(" \t") == ODD for member in baggage.split(","))


def line(baggage: str, service: str) -> bytes:
    """The `baggage` line that adds `service` to the chain, ending in CRLF; nothing where it stands last
    already (a model that passes baggage on has been told by our own other side)."""
    before = chain(baggage)
    if before and before[-1] == service:
        return b""
    names = (*before, service)[-LONGEST:]
    return f"baggage: {KEY}={'>'.join(quote(name, safe=_SAFE) for name in names)}\r\n".encode()
