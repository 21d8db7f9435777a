"""How much data the model takes, and how much more the caller was allowed to send. Pure.

A window is normally the business of caller and model alone: their updates pass. But what a policy keeps from
the model until it has its score uses up the caller's window, and the model, which has not seen it, gives
nothing back. So the caller is lent as much again, and the model's next updates repay it.
"""

from __future__ import annotations

from sidecar.proxy.grpc.frames import WINDOW

LARGEST_WINDOW = 2**31 - 1


class Window:
    """One window towards the model: of the connection, or of a stream that was kept back.

    `room` is what the model still takes. The caller may send `room + lent` bytes, less what is kept back.
    """

    __slots__ = ("lent", "room")

    def __init__(self, room: int = WINDOW) -> None:
        self.room = room
        self.lent = 0

    def more(self, count: int) -> int:
        """The model takes `count` bytes more. How many of them the caller is to be told of: what was lent is
        repaid first."""
        self.room += count
        repaid = min(count, self.lent)
        self.lent -= repaid
        return count - repaid

    def lend(self, count: int) -> None:
        """The caller was allowed to send `count` bytes in place of those that are kept back."""
        self.lent += count

    def forgive(self, count: int) -> int:
        """`count` bytes that were kept back will never be sent. How many of them were not lent, so that the
        caller is to be told of them."""
        forgiven = min(count, self.lent)
        self.lent -= forgiven
        return count - forgiven
