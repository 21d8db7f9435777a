"""The chain of models in W3C baggage: who fed whom, also when a call is not sampled.

Each sidecar adds its service name to the member `sidecar.chain`; the last name is the model that made
the call. The caller's own members stay as they were, all in one line, because many servers read only one.
Source: W3C Baggage, 3.2 and 3.3.
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
    """The `baggage` line for the next model, ending in CRLF: what the caller's said, and `service` at the end
    of the chain, unless it stands there (a model that passes baggage on was told by our own other side)."""
    before = chain(baggage)
    if not before:
        others = baggage
    elif before[-1] == service:
        return f"baggage: {baggage}\r\n".encode("latin-1")
    else:
        others = ",".join(m for m in baggage.split(",") if m.partition("=")[0].strip(" \t") != KEY)
    names = (*before, service)[-LONGEST:]
    ours = f"{KEY}={'>'.join(quote(name, safe=_SAFE) for name in names)}"
    return f"baggage: {others},{ours}\r\n".encode("latin-1") if others else f"baggage: {ours}\r\n".encode()
