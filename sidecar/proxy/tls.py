"""TLS on the listener and towards the model, also mutual: settings become contexts, or a clear error."""

from __future__ import annotations

import ssl

from sidecar.errors import UsageError
from sidecar.settings import Settings


def listener_context(settings: Settings, protocol: str = "http/1.1") -> ssl.SSLContext | None:
    """The context callers meet, or None without TLS. Raises UsageError naming the file."""
    if not settings.tls_cert:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _load_pair(context, "tls-cert", settings.tls_cert, settings.tls_key)
    if settings.tls_client_ca:
        _load_ca(context, "tls-client-ca", settings.tls_client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols([protocol])
    return context


def renew(context: ssl.SSLContext, settings: Settings) -> None:
    """Read the listener's certificate again: for connections to come. Raises UsageError naming the file."""
    _load_pair(context, "tls-cert", settings.tls_cert, settings.tls_key)


def upstream_context(settings: Settings, tls: bool, protocol: str = "http/1.1") -> ssl.SSLContext | None:
    """The context towards the model, or None without TLS. Raises UsageError naming the file."""
    if not tls:
        return None
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    if settings.upstream_ca:
        _load_ca(context, "upstream-ca", settings.upstream_ca)
    if settings.upstream_cert:
        _load_pair(context, "upstream-cert", settings.upstream_cert, settings.upstream_key)
    context.set_alpn_protocols([protocol])
    return context


def _load_pair(context: ssl.SSLContext, name: str, certificate: str, key: str) -> None:
    try:
        context.load_cert_chain(certificate, key or None)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"{name} {certificate}: cannot be loaded with key {key or certificate}: {error}"
        ) from error


def _load_ca(context: ssl.SSLContext, name: str, path: str) -> None:
    try:
        context.load_verify_locations(path)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"{name} {path}: no PEM certificates can be read from it: {error}") from error
