"""Whose answer is this question? Digests of what our model answered, and of what other models did.

    our answers -> digests, offered to whoever asks (/api/v1/lineage)
    other sidecars' digests + digests of our questions -> where each question came from

So a chain connects also where its caller keeps no trace context and no model knows of the next. Everything is
bounded; what is told twice by different calls is nobody's. Counterparts: `sidecar.observer.digests`;
`sidecar.peers.listening`, which brings the others' digests; `sidecar.observer.edges`, which counts.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from sidecar.cascade.pairs import Lineage as Told
from sidecar.cascade.pairs import Made, Value
from sidecar.exchange import Record
from sidecar.observer.digests import digest

MOST = 8_192
"""Digests remembered, of ours and of each other sidecar's; half a megabyte each."""

PEERS = 32
"""Other sidecars listened to."""

SECONDS = 300.0
"""How long a digest is remembered: longer than most callers take from one model to the next."""

WAITING, WAITING_SECONDS = 2_000, 10.0
"""Calls whose origin may yet be told, and how long they are waited for."""

COMMON = 3
"""Different calls that gave the same answer, from which on it names nobody: it may be what it always says."""

TOLD_AT_ONCE = 2_000
"""Digests told in one answer."""


class Origin(NamedTuple):
    """The call of another model whose answer a question was."""

    service: str
    trace: str
    span: str
    odd: bool


class Known:
    """What one other sidecar's model answered lately."""

    def __init__(self) -> None:
        self.service = ""
        self.drifted_since = 0.0
        """When its model began to drift, as it sees it; 0 if it doesn't."""
        self.origin = ""
        """The model that it says its drift comes from: itself, or one before it."""
        self.next = 0
        """Where to go on asking."""
        self.made: OrderedDict[int, tuple[Made, int]] = OrderedDict()
        """By digest: the last such answer, and how many calls gave it."""

    def add(self, made: Made) -> None:
        """Remember one more answer."""
        before = self.made.pop(made.digest, None)
        times = 1 if before is None else before[1] + (before[0].span != made.span)
        self.made[made.digest] = (made, times)
        if len(self.made) > MOST:
            self.made.popitem(last=False)


class Lineage:
    """One per observer. `found` is called with a call and its origin, once for each."""

    def __init__(
        self, found: Callable[[Record, Origin], None], clock: Callable[[], float] = time.time
    ) -> None:
        self.peers: dict[str, Known] = {}
        """By name, as the setting `peers` has it."""
        self.listening = False
        """Whether there are other sidecars at all; without them nothing waits for them."""
        self._found = found
        self._clock = clock
        self._serial = 0
        self._made: deque[tuple[int, float, Made]] = deque(maxlen=MOST)
        self._waiting: OrderedDict[str, tuple[float, Record, frozenset[int]]] = OrderedDict()
        """Calls by our SERVER span: since when, the call, the digests of its question."""
        self._origins: OrderedDict[str, Origin] = OrderedDict()

    # -- our own calls -----------------------------------------------------------------------------

    def update(
        self, record: Record, asked: Sequence[Sequence[Value]], answered: Sequence[Sequence[Value]]
    ) -> None:
        """Take in a call: the rows of each tensor of its question, and of its answer."""
        now = self._clock()
        odd = bool(record.flagged)
        for one in {digest(row) for row in answered} - {None}:
            self._serial += 1
            made = Made(one or 0, record.span.trace, record.span.client, odd)
            self._made.append((self._serial, now, made))
        digests = frozenset(one for row in asked if (one := digest(row)) is not None)
        if digests and self.listening:
            bare = msgspec.structs.replace(record, features=b"", request_body=b"", response_body=b"")
            self._waiting[record.span.server] = (now, bare, digests)
            self._settle(record.span.server)
            self._let_go()

    def offered(self, after: int) -> tuple[int, tuple[Made, ...]]:
        """Our answers' digests after the one numbered `after`, and where to go on."""
        now = self._clock()
        while self._made and now - self._made[0][1] > SECONDS:
            self._made.popleft()
        newer = [(serial, made) for serial, _, made in self._made if serial > after][:TOLD_AT_ONCE]
        return (newer[-1][0] if newer else min(after, self._serial)), tuple(made for _, made in newer)

    # -- other sidecars ----------------------------------------------------------------------------

    def after(self, peer: str) -> int:
        """Where to go on asking another sidecar."""
        return self.peers[peer].next if peer in self.peers else 0

    def heard(self, peer: str, told: Told) -> None:
        """Take in what another sidecar tells."""
        if peer not in self.peers and len(self.peers) >= PEERS:
            return
        known = self.peers.setdefault(peer, Known())
        known.service, known.next = told.service, told.next
        known.drifted_since, known.origin = told.drifted_since, told.origin
        for made in told.made:
            known.add(made)
        for span in list(self._waiting):
            self._settle(span)
        self._let_go()

    def _settle(self, span: str) -> None:
        """Find the origin of a call that waits, as far as other sidecars have told by now."""
        _, record, digests = self._waiting[span]
        if (origin := self._origin(digests)) is None:
            return
        del self._waiting[span]
        self._origins[span] = origin
        if len(self._origins) > WAITING:
            self._origins.popitem(last=False)
        self._found(record, origin)

    def _let_go(self) -> None:
        """Wait no more for the origins of calls that have waited long enough, or are too many."""
        now = self._clock()
        while self._waiting:
            since, _, _ = next(iter(self._waiting.values()))
            if len(self._waiting) <= WAITING and 0.0 <= now - since <= WAITING_SECONDS:
                return
            self._waiting.popitem(last=False)

    def _origin(self, digests: frozenset[int]) -> Origin | None:
        """The one other model that gave this answer, not more often than by chance; nobody if two did."""
        found = {
            known.service: made
            for known in self.peers.values()
            for one in digests
            if (entry := known.made.get(one)) is not None and entry[1] < COMMON
            for made in (entry[0],)
        }
        if len(found) != 1:
            return None
        ((service, made),) = found.items()
        return Origin(service, made.trace, made.span, made.odd)

    # -- who asks ----------------------------------------------------------------------------------

    def origin(self, record: Record) -> Origin | None:
        """Where a call's question came from, if that is known by now."""
        return self._origins.get(record.span.server)

    def waits(self, record: Record) -> bool:
        """Whether that may yet be told."""
        return record.span.server in self._waiting
