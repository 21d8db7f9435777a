"""Routes: which window a call belongs to. Few by construction, whatever paths callers make up.

A route is the template that a model server's path is known to have, else the path with its variable parts
named: the model as the codec read it, numbers, UUIDs and long hexadecimal ids. Calls that no codec knows
(health checks, assets, probes) share one route.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from sidecar.exchange import Record
from sidecar.tracing.routes import route

OTHER = "(other)"
"""The route of calls that no codec knows, and of those beyond the limit on windows."""

_ID = re.compile(r"\d+|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|[0-9a-fA-F]{16,}")


class Key(NamedTuple):
    """What windows are kept apart by. Empty model or version: the call didn't say."""

    model: str
    version: str
    route: str


NAME_LENGTH = 128
"""Characters of a model's name or version that are looked at."""

TARGET_LENGTH = 256
"""Characters of a request target that are looked at."""

OVERFLOW = Key("", "", OTHER)


def key(record: Record) -> Key:
    """The window of a call."""
    if not record.codec:
        return OVERFLOW
    return _key(record.model[:NAME_LENGTH], record.version[:NAME_LENGTH], record.target[:TARGET_LENGTH])


@lru_cache(maxsize=2048)
def _key(model: str, version: str, target: str) -> Key:
    return Key(model, version, template(target, model))


def template(target: str, model: str) -> str:
    """The route of a request target: `/predict/iris/4711?x=1` -> `/predict/{model}/{id}`."""
    path = target.partition("?")[0]
    return route(path) or "/".join(_segment(part, model) for part in path.split("/"))


def _segment(part: str, model: str) -> str:
    if model and unquote(part) == model:
        return "{model}"
    return "{id}" if _ID.fullmatch(part) else part
