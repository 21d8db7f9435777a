"""What the admin application carries for its handlers."""

from __future__ import annotations

import asyncio

from aiohttp import web
from prometheus_client import CollectorRegistry

from sidecar.console.blame import Blame
from sidecar.console.events import Events
from sidecar.console.guard import Guard
from sidecar.console.metric_values import Source
from sidecar.observer.observer import Observer

OBSERVER = web.AppKey("observer", Observer)
REGISTRY = web.AppKey("registry", CollectorRegistry)
SOURCE = web.AppKey("source", Source)
UPLOADS = web.AppKey("uploads", asyncio.Semaphore)
CASCADE = web.AppKey("cascade", Blame)
EVENTS = web.AppKey("events", Events)
GUARD = web.AppKey("guard", Guard)
