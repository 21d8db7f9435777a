"""Who may ask the admin address for what. Pure but for reading the files of tokens.

    probes, metrics          anybody: kubelets and scrapers have no token, and counts are no secret
    everything else          whoever has a token; without one set, whoever is on this machine, and others as
                             far as `admin-open` lets them
    writing                  a token that may write, or the same without tokens; `sidecar.console.writing`
    besides

A token comes as `Authorization: Bearer`, or from a browser as a cookie that `/sign-in` gave for it. Callers
on this machine are believed by their address, so such a call must also name the machine by number or as
localhost: a name could be anybody's, made to point here (DNS rebinding). Counterpart: `sidecar.console.api`,
which asks for every request."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import logging
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from aiohttp import web

from sidecar.console.problem import Problem
from sidecar.settings import Settings

log = logging.getLogger(__name__)

Role: TypeAlias = Literal["nobody", "health", "read", "write"]
"""What somebody may do; each includes those before it."""

ROLES: tuple[Role, ...] = ("nobody", "health", "read", "write")

OPEN = ("/healthz", "/readyz", "/probe/model", "/probe/model/grpc", "/metrics")
"""Paths for the role `health`."""

FREE = ("/static/", "/sign-in")
"""Paths that hold nothing of anybody's: the console's own files, and the form for a token."""

COOKIE = "sidecar_session"
SESSION_SECONDS = 12 * 3600
"""How long a browser stays signed in: a working day."""

LOCAL = ("127.0.0.1", "::1", "::ffff:127.0.0.1")
"""Not all of 127.0.0.0/8: a mesh's proxy calls from 127.0.0.6 on behalf of others."""


class Asked(NamedTuple):
    """What a request shows of its caller."""

    address: str
    host: str
    bearer: str = ""
    cookie: str = ""
    forwarded: bool = False
    """Whether a proxy says that it passes on somebody else's request."""


def asked(request: web.Request) -> Asked:
    """The facts of a request."""
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return Asked(
        str(peer[0]) if isinstance(peer, tuple) else "",
        request.headers.get("Host", ""),
        token.strip() if scheme.lower() == "bearer" else "",
        request.cookies.get(COOKIE, ""),
        "Forwarded" in request.headers or "X-Forwarded-For" in request.headers,
    )


class Guard:
    """One per admin address."""

    def __init__(self, settings: Settings) -> None:
        self._files: dict[Role, str] = {"write": settings.admin_token, "read": settings.admin_read_token}
        self._others: Role = settings.admin_open if settings.admin_open != "no" else "health"
        self.tokens = bool(settings.admin_token or settings.admin_read_token)
        """Whether tokens are asked for."""

    def role(self, who: Asked, now: float) -> Role:
        """What this caller may do; `now` in Unix seconds."""
        if self.tokens:
            shown = self.bearer(who.bearer) if who.bearer else self._session(who.cookie, now)
            return max(shown, self._others, key=ROLES.index)
        return "write" if _local(who) else self._others

    def bearer(self, token: str) -> Role:
        """What this token may do."""
        for role, known in self._known():
            if _same(token, known):
                return role
        return "nobody"

    def session(self, token: str, now: float) -> str:
        """The cookie for a token that is right. It holds no token, ends by itself, and with its token."""
        return _signed(token, int(now) + SESSION_SECONDS)

    def _session(self, cookie: str, now: float) -> Role:
        until, _, _ = cookie.partition(".")
        if not (until.isascii() and until.isdigit() and len(until) < 16 and int(until) > now):
            return "nobody"
        for role, known in self._known():
            if _same(cookie, _signed(known, int(until))):
                return role
        return "nobody"

    def _known(self) -> list[tuple[Role, str]]:
        """Roles and their tokens, read anew so that they can be changed without a restart."""
        found: list[tuple[Role, str]] = []
        for role, file in self._files.items():
            if not file:
                continue
            try:
                token = Path(file).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                log.error("nobody may %s on the admin address: %s cannot be read: %s", role, file, error)
                continue
            if token:
                found.append((role, token))
        return found

    def check(self, request: web.Request, now: float) -> None:
        """Raises Problem unless this request may be answered: 401 where a token is missing, 403 where it is
        not enough."""
        if request.path.startswith(FREE):
            return
        writes = request.method not in ("GET", "HEAD", "OPTIONS")
        needed: Role = "write" if writes else "health" if request.path in OPEN else "read"
        has = self.role(asked(request), now)
        if ROLES.index(has) >= ROLES.index(needed):
            return
        if has == "read":
            raise Problem(
                403, "Read only", "this token may read here and write nothing; admin-token may write"
            )
        if self.tokens:
            detail = (
                "Authorization: give a token, as in Authorization: Bearer TOKEN; browsers sign in at /sign-in"
            )
            raise Problem(401, "Who is asking?", detail)
        detail = (
            "only callers on the sidecar's machine (or through kubectl port-forward) may ask this, by number"
            " or as localhost; set admin-token, or admin-open"
        )
        raise Problem(403, "Not from here", detail)


def _same(shown: str, right: str) -> bool:
    """Whether a caller shows what is right, told in the same time whatever it shows. Bytes of a header that
    are no UTF-8 come as surrogates."""
    return hmac.compare_digest(shown.encode(errors="surrogateescape"), right.encode())


def _signed(token: str, until: int) -> str:
    key = hashlib.sha256(b"sidecar console\0" + token.encode()).digest()
    return f"{until}.{hmac.new(key, str(until).encode(), hashlib.sha256).hexdigest()}"


def _local(who: Asked) -> bool:
    """Whether a caller is on this machine and knows it by an address that can't be rebound."""
    return who.address in LOCAL and not who.forwarded and is_own_name(who.host)


def is_own_name(host: str) -> bool:
    """Whether a Host is a number or localhost, which nobody can make to point elsewhere."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        if name != "localhost":
            ipaddress.ip_address(name)
    except ValueError:  # of brackets that do not close, too
        return False
    return True
