"""An answer of a language model between model and caller, where a policy wants secrets masked in it.

Nothing passes before the policies have said whether (`begin`). Then the events of a stream pass as soon as
they are known to hold no half of a secret, and an answer in one piece when it is whole. What the observer and
captures get is not touched: `sidecar.proxy.keeping` has its own rules for that. Counterparts:
`sidecar.redaction.answers`, which reads and masks; `sidecar.proxy.call`, which feeds it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sidecar.codecs.openai import operation
from sidecar.errors import CallFailed
from sidecar.exchange import header
from sidecar.proxy.case import Case
from sidecar.proxy.heads import ResponseHead
from sidecar.proxy.pieces import chunk

if TYPE_CHECKING:
    from sidecar.proxy.call import Call
    from sidecar.redaction.answers import Events

OPERATIONS = frozenset({"chat/completions", "completions"})
"""What is answered in words."""

ENCODINGS = re.compile(rb"(?i)^accept-encoding:[^\r\n]*\r\n", re.MULTILINE)


class Masked:
    """The answer of one call. Feed it with `update`; `passing` is what may go to the caller."""

    __slots__ = ("_body", "_events", "_held", "_length", "_names", "_passed", "_streams", "undecided")

    def __init__(self, length: int, *, streams: bool) -> None:
        """`length`: bytes of the body where its head says so, else -1."""
        self.undecided = True
        self._names: tuple[str, ...] = ()
        self._events: Events | None = None
        self._body: list[bytes] = []
        self._held = 0
        """Bytes of `_body`."""
        self._streams = streams
        self._length = length
        self._passed = 0

    def begin(self, call: Case) -> None:
        """The policies have said which kinds of secrets they want masked. Raises CallFailed where that cannot
        be done."""
        names = call.decision.masks if call.decision is not None else ()
        coding = (
            header(call.response.recorded, b"content-encoding") or b"" if call.response is not None else b""
        )
        if names and coding.strip().lower() not in (b"", b"identity"):
            raise unreadable()
        self.undecided = False
        self._names = names
        if names and self._streams:
            from sidecar.redaction.answers import Events  # only where a policy has a use for it

            self._events = Events(names)

    def update(self, data: bytes) -> None:
        """A piece of the answer has come."""
        self._body.append(data)
        self._held += len(data)

    def passing(self, *, whole: bool) -> bytes:
        """What may pass now; `whole` says that no more comes. Raises CallFailed."""
        from sidecar.redaction import answers

        if self._names and self._events is None and not whole and self._held <= answers.MOST_BYTES:
            return b""  # an answer in one piece is looked at once it is there
        data = b"".join(self._body)
        self._body, self._held = [], 0
        try:
            if self._events is not None:
                data = self._events.update(data) + (self._events.settle() if whole else b"")
            elif self._names:
                data = answers.whole(data, self._names)
        except answers.Unmaskable:
            raise unreadable() from None
        self._passed += len(data)
        if self._passed > self._length >= 0:
            raise unreadable()
        return data


def masked(call: Case, response: ResponseHead) -> Masked | None:
    """What an answer goes through to the caller; None where no policy could want it."""
    if call.scope is None or not call.scope.masks or response.bodiless:
        return None
    if operation(call.head.target.partition("?")[0]) not in OPERATIONS:
        return None
    media = (header(response.recorded, b"content-type") or b"").lower()
    return Masked(response.length, streams=media.startswith(b"text/event-stream"))


def passes(call: Call, masked: Masked) -> bool:
    """Have what may pass go on to the caller, once the policies have said what. False: it can't be looked
    through, and the call has failed."""
    response = call.response
    assert response is not None
    try:
        if masked.undecided:
            masked.begin(call)
        data = masked.passing(whole=call.response_done)
    except CallFailed as failed:
        if masked.undecided:  # the head of the answer has not gone out yet
            call.head_sent, call.back = False, []
        call.fail(failed)
        return False
    if data and response.rechunk:
        chunk(call.back, data)
    elif data:
        call.back.append(data)
    return True


def unreadable() -> CallFailed:
    """An answer that a policy wants masked, and that is not to be masked."""
    return CallFailed("upstream-malformed", "secrets are to be masked in it, and it cannot be looked through")


def readable_only(lines: bytes) -> bytes:
    """The lines of a caller's head without what it says of content codings: an answer that is compressed
    cannot be looked through."""
    return ENCODINGS.sub(b"", lines)
