"""Blacklight, for comparison: pixels in coarse steps, a salted hash of every run of 20, the 50 largest
hashes are the fingerprint; a question is one of an attack when 25 of its 50 are those of an earlier one.

Source: Li, Shan, Wenger, Zhang, Zheng and Zhao 2022, "Blacklight: Scalable Defense for Neural Networks
against Query-Based Black-Box Attacks", USENIX Security; its settings for MNIST (window 20, step 50 of 255,
50 hashes, threshold 25). Written from the paper.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from typing import Any

import numpy as np

WINDOW, STEP, HASHES, MATCHES = 20, 50, 50, 25

SALT = b"blacklight"


class Blacklight:
    """All earlier questions; `update` with each, which says whether it is like one of them."""

    def __init__(self) -> None:
        self._seen: defaultdict[bytes, list[int]] = defaultdict(list)
        self._count = 0

    def update(self, pixels: Any) -> bool:
        """`pixels`: from 0 to 1."""
        coarse = (np.rint(pixels * 255.0) // STEP).astype(np.uint8).tobytes()
        hashes = {
            hashlib.sha256(SALT + coarse[i : i + WINDOW]).digest() for i in range(len(coarse) - WINDOW + 1)
        }
        kept = sorted(hashes, reverse=True)[:HASHES]
        shared = Counter(number for one in kept for number in self._seen.get(one, ()))
        for one in kept:
            self._seen[one].append(self._count)
        self._count += 1
        return bool(shared) and max(shared.values()) >= MATCHES
