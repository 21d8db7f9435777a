"""Fresh trace and span ids.

Trace ids must be unique and evenly spread, and are no secret: every party of a call sees them, and anybody
may send any id. So a Mersenne Twister will do, as it does in the OpenTelemetry SDK; it costs a third of a
system call. Each process seeds its own with 256 bits from the operating system, and a forked child seeds
again, or two workers would hand out the same ids.
"""

from __future__ import annotations

import os
from random import Random

_random = Random(os.urandom(32))
_bits = _random.getrandbits

_ZERO_SPAN = "0" * 16


def fresh() -> str:
    """64 random hex digits: a trace id (32) and two span ids (16 each), none of them all zero.

    All bits are uniform, as the random-trace-id flag of Trace Context level 2 promises. (Digits with 16
    zeros in a row anywhere are drawn again: once in 10^17 calls.)
    """
    digits = _bits(256).to_bytes(32, "big").hex()
    while _ZERO_SPAN in digits:
        digits = _bits(256).to_bytes(32, "big").hex()
    return digits


def reseed() -> None:
    """Start a new sequence of ids, unrelated to the one before."""
    _random.seed(os.urandom(32))


os.register_at_fork(after_in_child=reseed)
