"""Connections to the other models that policies name, to fall back on.

Counterpart: `sidecar.proxy.plane`, which has the pool of the model itself.
"""

from __future__ import annotations

from sidecar.proxy.address import upstream as address_of
from sidecar.proxy.tls import upstream_context
from sidecar.proxy.upstream import Pool
from sidecar.settings import Settings


class Others:
    """A pool for each of the other models, made when it is first needed."""

    def __init__(self) -> None:
        self._pools: dict[str, Pool] = {}

    def pool(self, url: str, settings: Settings) -> Pool:
        """The connections to the model at `url`, which has been checked with its policy."""
        pool = self._pools.get(url)
        if pool is None:
            address = address_of(url)
            tls = upstream_context(settings, address.tls)
            pool = self._pools[url] = Pool(address, settings.connect_timeout, tls)
        return pool

    def keep(self, urls: set[str]) -> None:
        """Let go of the models that no policy names any more."""
        for url in self._pools.keys() - urls:
            self._pools.pop(url).close()

    def expire(self, now: float) -> None:
        """Close what has been idle for too long."""
        for pool in self._pools.values():
            pool.expire(now)

    def close(self) -> None:
        self.keep(set())
