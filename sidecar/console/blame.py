"""Who broke the chain, asked of all sidecars: one question at a time, and the last answer kept to be looked
at.

Counterparts: `sidecar.console.chain_view`, which asks; the page of the chain.
"""

from __future__ import annotations

import asyncio

from sidecar.asking import token_in
from sidecar.console import chain_view
from sidecar.console.views import View
from sidecar.observer.observer import Observer
from sidecar.peers.addresses import named

FRESH_SECONDS = 30.0
"""How old an answer is shown again instead of asking everybody anew, to a page that is drawn again and
again."""


class Blame:
    """One per admin application."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._one_at_a_time = asyncio.Lock()
        self.answer: View | None = None
        """The last answer that was about everything kept."""
        self.asked = 0.0
        """When that was (Unix seconds)."""

    async def ask(self, since: float = 0.0) -> View:
        """Ask everybody: a second of work, and as long as the slowest takes. `since` is in Unix seconds."""
        settings = self._observer.settings
        addresses = tuple(named(settings.peers).values())
        token = token_in(settings.admin_read_token)
        async with self._one_at_a_time:
            ours = chain_view.witness(self._observer)
            found = await asyncio.to_thread(chain_view.cascade, ours, addresses, since, token)
        if not since:
            self.answer, self.asked = found, self._observer.clock()
        return found

    async def fresh(self) -> View:
        """The last answer if it's fresh, else a new one."""
        if self.answer is None or self._observer.clock() - self.asked > FRESH_SECONDS:
            return await self.ask()
        return self.answer
