"""What is also written in C: few small functions that most calls need, built where there is a C compiler.

Nothing depends on it. Each function has its reference in Python, which is used where this is not built and
for whatever it leaves alone, and tests hold the two equal:

    numbers    a body with one row of plain numbers    sidecar.codecs.v1 and sidecar.features
    Steps      a sum of heights                        sidecar.scoring.tail_sum

`setup.py` builds `one_row.c`, or says that it could not and goes on without.
"""

from __future__ import annotations

try:
    from sidecar.native.one_row import Steps, numbers
except ImportError:  # there was no compiler, or no headers
    from sidecar.native.absent import Steps, numbers  # type: ignore[assignment]

    NATIVE = False
else:
    NATIVE = True

__all__ = ["NATIVE", "Steps", "numbers"]
