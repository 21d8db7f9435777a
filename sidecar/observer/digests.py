"""A row's digest: by it, one model's answer is known again when it is another model's question. Pure.

    values -> canonical text, numbers rounded -> 64 bits of BLAKE2b

Rounding to five significant digits lets a number be known again that was carried in single precision. Only
rows that say enough have a digest: at least `BITS` by what their digits and letters could have been, so that
constants, labels, and rows of zeros, which every model has, are nobody's. A row too short for that at five
digits is taken at twelve: a single number in double precision has a digest, and is known again only if nobody
rounds it.

False matches: among 2^14 remembered digests a row of other content is taken for one of them with a
probability of 2^14 / 2^64, less than 1 in 10^15; that two rows have the same content by chance is what `BITS`
and the rule of `sidecar.observer.lineage` about rows that come again are for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from hashlib import blake2b

from sidecar.cascade.pairs import Value

BITS = 36.0
"""What a row must be able to say."""

DIGITS = (5, 12)
"""Significant digits at which a row is tried."""

PER_DIGIT, PER_LETTER = math.log2(10.0), 1.3
"""Bits of a digit, and of a letter of text (Shannon, "Prediction and Entropy of Printed English", 1951)."""


def digest(values: Sequence[Value]) -> int | None:
    """The digest of a row, or None when it says too little."""
    for digits in DIGITS:
        texts = [_canonical(value, digits) for value in values]
        if sum(map(_bits, set(texts))) >= BITS:
            content = "\x00".join((str(digits), *texts)).encode("utf-8", "replace")
            return int.from_bytes(blake2b(content, digest_size=8).digest(), "big")
    return None


def _canonical(value: Value, digits: int) -> str:
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, str):
        return f"'{value.strip()}"
    return f"{value + 0.0:.{digits}g}"  # minus zero is zero


def _bits(text: str) -> float:
    if text.startswith("'"):
        return PER_LETTER * (len(text) - 1)
    mantissa = text.partition("e")[0].lstrip("-").replace(".", "").strip("0")
    # One or two digits are a count, a flag, a label: everybody's.
    return PER_DIGIT * len(mantissa) if len(mantissa) > 2 and mantissa.isdigit() else 0.0
