"""What the extra `capture` brings, and what to do when it is missing. Imports nothing large until it is
used."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from sidecar.errors import SidecarError, UsageError
from sidecar.settings import Settings

PACKAGES = ("pyarrow", "fsspec", "duckdb")


def needed(module: str, what: str) -> Any:
    """Import a module of the extra. Raises SidecarError that says how to get it; `what` wants it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if error.name != package:
            raise
        raise SidecarError(
            f"{what} needs {package}, which is not installed; "
            "install sidecar with its extra `capture`, in the checkout: pip install '.[capture]'"
        ) from error


def check(settings: Settings) -> None:
    """Raises SidecarError when what `capture` and `capture-events` ask for is not installed, UsageError when
    it can't be read."""
    if settings.capture_events and not settings.capture_events.startswith(("http://", "https://")):
        raise UsageError(
            f"capture-events {settings.capture_events}: begins neither with http:// nor https://"
        )
    if not settings.capture:
        return
    needed("pyarrow", "capture")
    if "://" not in settings.capture:
        return
    fsspec = needed("fsspec", f"capture {settings.capture}")
    protocol = settings.capture.partition("://")[0]
    try:
        fsspec.get_filesystem_class(protocol)
    except (ValueError, ImportError) as error:
        raise UsageError(f"capture {settings.capture}: {error}") from error
