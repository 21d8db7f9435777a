"""Which columns are ids, and how closely their pattern can be taken.

As closely as leaves hardly any new id without a known pattern. How many there would be is estimated from the
reference itself: the share of patterns that it has only once (Good 1953, "The Population Frequencies of
Species and the Estimation of Population Parameters", Biometrika 40: Turing's estimate of what is unseen).
"""

from __future__ import annotations

import math
import re
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from sidecar.features.cells import label
from sidecar.features.ids import FOLD, LOOKED_AT, PATTERNS, IdReading

SPACED = 0.1
"""Of ids at most this share holds white space; of names and prose, nearly all."""

LONGEST = 64.0
"""Characters that half of all ids have at most."""

UNSEEN = 0.005
"""Of new ids at most this share may have a pattern that the reference lacks."""

MOST_PATTERNS = 200

NAMED = re.compile(r"(?i:(^|[_ .-])(id|uuid|guid|key|no|nr|number)$)|[a-z]I[dD]$")
"""What a column of numbers is called that are ids."""


def of_texts(name: str, labels: list[str | None]) -> IdReading | None:
    """How a column of different texts is read as ids; None when they are rather text."""
    known = [text for text in labels if text is not None]
    lengths = sorted(map(len, known))
    spaced = sum(any(map(str.isspace, text)) for text in known)
    if spaced > SPACED * len(known) or lengths[len(lengths) // 2] > LONGEST:
        return None
    return _reading(name, known)


def of_numbers(name: str, values: NDArray[np.float64]) -> IdReading | None:
    """How a column of whole numbers, no two the same, is read when it's called an id; else None."""
    known = values[~np.isnan(values)]
    whole = bool(known.size > 1 and np.isfinite(known).all() and (known == np.floor(known)).all())
    if not whole or not NAMED.search(name) or np.unique(known).size < known.size:
        return None
    return _reading(name, [text for text in map(label, known.tolist()) if text is not None])


def _reading(name: str, known: list[str]) -> IdReading:
    seen = [text[:LOOKED_AT] for text in known]
    for level, pattern in PATTERNS.items():
        counts = Counter(map(pattern, seen))
        once = sum(times == 1 for times in counts.values())
        if len(counts) <= MOST_PATTERNS and once <= UNSEEN * len(seen):
            return IdReading(name, level, _by_frequency(counts), _rarity(seen))
    return IdReading(name, "none", ("",), _rarity(seen))


def _by_frequency(counts: Counter[str]) -> tuple[str, ...]:
    return tuple(sorted(counts, key=lambda pattern: (-counts[pattern], pattern)))


def _rarity(seen: list[str]) -> tuple[float, ...]:
    """-log of each character's share of all characters, half a time added to each."""
    counts = np.full(FOLD + 1, 0.5)
    for text in seen:
        for char in text:
            counts[min(ord(char), FOLD)] += 1.0
    counts[FOLD] = 0.5  # letters beyond Latin-1 are not told apart, so each of them is new
    total = math.log(counts.sum())
    return tuple((total - np.log(counts)).round(4).tolist())
