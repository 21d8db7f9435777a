"""The error tree, drawn; and the table of everything that can go wrong with one call.

    SidecarError
    |- UsageError          wrong command line or setting: names file, line, key, and the nearest valid one
    |- DataError           training data that cannot be read: names file, row, column
    |- BaselineError       a baseline directory that must not be used: truncated, edited, newer, other schema
    |- Undecodable         a body that no codec can read: passes through, is `unscored` with the reason
    |- Unscorable          features that no detector may score: likewise
    `- CallFailed          this call cannot be completed: becomes one problem+json answer

Foreign exceptions are translated where they enter and kept as the cause. `CallFailed` is turned into a
response in exactly one place: `sidecar.proxy.reply`.
"""

from __future__ import annotations

import logging
from typing import NamedTuple

log = logging.getLogger(__name__)


class SidecarError(Exception):
    """Anything sidecar refuses or cannot do, with a message meant for the person who reads it."""


class UsageError(SidecarError):
    """A wrong setting or command line. The message names the place and what to do."""


class DataError(SidecarError):
    """Training data that cannot be used. The message names file, row and column."""


class BaselineError(SidecarError):
    """A baseline that must not be loaded. The message names the file and the reason."""


class Undecodable(SidecarError):
    """A body that cannot be read. `str(error)` is the short reason that stands in the header."""


class Unscorable(SidecarError):
    """Features that no detector may score. `str(error)` is the reason that stands in the header."""


def reason(kind: str, name: str = "") -> str:
    """`kind`, or `kind:name`, as it may stand in a header: printable ASCII, no quotes, at most 80 characters.

    `name` comes from the caller's body (a field, a tensor), so it is never trusted: whatever a header
    cannot hold becomes `?`.
    """
    if not name:
        return kind
    safe = "".join(c if " " <= c <= "~" and c not in '"\\' else "?" for c in name[:80])
    return f"{kind}:{safe}"[:80]


class Failure(NamedTuple):
    """One row of `FAILURES`: what the caller is told when a call fails for this cause."""

    status: int
    title: str
    advice: str


FAILURES: dict[str, Failure] = {
    "bad-request": Failure(400, "Malformed request", "Send a request that follows RFC 9112."),
    "no-route": Failure(
        404, "No route for this outbound call", "Give the sidecar a route of that name, or an absolute URL."
    ),
    "blocked": Failure(
        403, "Refused by a policy", "The rule is named in x-policy-action, where that is shown."
    ),
    "throttled": Failure(429, "Too many calls for a policy", "Retry after the time in Retry-After."),
    "request-timeout": Failure(
        408, "Request not received in time", "Send the whole request sooner, or raise header-timeout."
    ),
    "body-too-large": Failure(413, "Request body too large", "Send less, or raise max-body-bytes."),
    "headers-too-large": Failure(
        431, "Request headers too large", "Send fewer or shorter header fields, or raise max-header-bytes."
    ),
    "internal": Failure(
        500, "Error inside the sidecar", "See the sidecar's log; the model was not at fault."
    ),
    "not-implemented": Failure(
        501, "Not implemented by the proxy", "Use a method or transfer coding of HTTP/1.1."
    ),
    "upstream-refused": Failure(
        502, "Model server refused the connection", "Check that the model listens at the upstream address."
    ),
    "upstream-unreachable": Failure(
        502, "Model server cannot be reached", "Check the upstream address and the network."
    ),
    "upstream-closed": Failure(
        502, "Model server closed the connection before answering", "See the model server's log."
    ),
    "upstream-malformed": Failure(
        502, "Model server sent a malformed response", "See the model server's log."
    ),
    "overloaded": Failure(
        503,
        "Too many concurrent calls",
        "Retry after the time in Retry-After, or raise max-concurrent-calls.",
    ),
    "upstream-connect-timeout": Failure(
        504,
        "Model server did not accept the connection in time",
        "Check the upstream address, or raise connect-timeout.",
    ),
    "upstream-timeout": Failure(
        504, "Model server did not answer in time", "See the model server's load, or raise upstream-timeout."
    ),
    # These two end after the caller has part of an answer, or has left: no status of ours can reach them.
    "response-truncated": Failure(
        502, "Model server broke off in the middle of its response", "See the model server's log."
    ),
    "client-gone": Failure(499, "Caller went away before the answer", "Nothing to do here."),
}


class CallFailed(SidecarError):
    """This call cannot be completed. `cause` is a key of `FAILURES`, `detail` what was seen."""

    def __init__(self, cause: str, detail: str = "") -> None:
        super().__init__(f"{FAILURES[cause].title}{': ' if detail else ''}{detail}")
        self.cause = cause
        self.detail = detail


def translated(error: BaseException | None) -> CallFailed:
    """What a foreign exception inside a callback of a C parser is to the call: itself if it is ours."""
    if isinstance(error, CallFailed):
        return error
    log.error("error inside the sidecar", exc_info=error)
    return CallFailed("internal")
