"""Refusals of the admin API: problem+json (RFC 9457) that names the parameter and what would be right."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Mapping
from datetime import UTC, datetime

import msgspec
from aiohttp import web

from sidecar.errors import SidecarError


class Problem(SidecarError):
    """A request that's refused. `parameter` is the one at fault, empty when none is."""

    def __init__(self, status: int, title: str, detail: str, parameter: str = "") -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.parameter = parameter

    def response(self) -> web.Response:
        """The answer that says so."""
        content = {"title": self.title, "status": self.status, "detail": str(self)}
        if self.parameter:
            content["parameter"] = self.parameter
        body = msgspec.json.encode(content)
        return web.Response(status=self.status, body=body, content_type="application/problem+json")


class BadParameter(Problem):
    """A query parameter that can't be what was meant."""

    def __init__(self, parameter: str, detail: str) -> None:
        super().__init__(400, "Bad parameter", f"{parameter}: {detail}", parameter)


def known(query: Mapping[str, str], names: Collection[str]) -> None:
    """Refuse parameters that don't exist, so that a typo doesn't go unnoticed."""
    for name in query:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(names) or 'none'}"
            raise BadParameter(name, f"no such parameter here; {hint}")


def whole(query: Mapping[str, str], name: str, default: int, most: int, least: int = 1) -> int:
    """A whole number from `least` to `most`."""
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 18 and least <= int(text) <= most):
        raise BadParameter(name, f"{text!r} is not a whole number from {least} to {most}")
    return int(text)


def choice(query: Mapping[str, str], name: str, choices: Collection[str]) -> str:
    """One of `choices`, or empty when the parameter is absent."""
    text = query.get(name, "")
    if name in query and text not in choices:
        raise BadParameter(name, f"{text!r} is not one of {', '.join(choices)}")
    return text


def moment(query: Mapping[str, str], name: str) -> float:
    """A moment in Unix seconds, given so or as RFC 3339; 0 when the parameter is absent."""
    text = query.get(name)
    if text is None:
        return 0.0
    try:
        seconds = float(text)
        if math.isfinite(seconds):
            return seconds
    except ValueError:
        pass
    try:
        # In a query "+" means a space, and people forget to escape it.
        at = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        example = "1763910000 or 2025-11-23T15:00:00Z"
        raise BadParameter(name, f"{text!r} is no time, such as {example}") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
