"""Captured calls for the tests: as the data plane tells them, and what a writer is asked to do with them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from sidecar.capture.parcels import Layout, Orders, Parcel, sealed
from sidecar.exchange import Captured, DetectorScore, Record
from tests.observer.talk import record

LAYOUT = Layout(("amount", "country"), ((), ("de", "fr")))
DIGEST = "abc123"

CAPTURED = Captured(
    ((b"Content-Type", b"application/json"),),
    ((b"content-type", b"application/json"), (b"Vary", b"a"), (b"vary", b"b")),
    b'{"instances": [[1.5, "fr"]]}',
    b'{"predictions": [1]}',
    False,
    False,
    ("email",),
)


def call(number: int, **changes: Any) -> Record:
    """A captured call of two rows, the second of which lacks its amount."""
    values = np.array([[number, 1.0], [np.nan, 0.0]], "<f8")
    facts: dict[str, Any] = {
        "rows": 2,
        "features": values.tobytes(),
        "row_p": (0.4, float("nan")),
        "baseline": DIGEST,
        "detectors": (DetectorScore("ecod", 3.5, 0.4, ("amount",)),),
        "weight": 10.0,
        "captured": CAPTURED,
    }
    return record(number, **(facts | changes))


def parcel(number: int, *records: Record) -> Parcel:
    return Parcel(number, "stable", {DIGEST: LAYOUT}, records)


def body(one: Parcel) -> bytes:
    """As it lies in a frame."""
    return sealed(one)[4:]


def orders(place: Path | str, **changes: Any) -> Orders:
    """What a writer is told; it does nothing by itself for a minute."""
    return msgspec.structs.replace(
        Orders(
            "0a1b2c3d", "model", "pod-1", "default", str(place), "", 10**8, 60.0, 10**9, 0, 0.0, 30.0, "info"
        ),
        **changes,
    )


def until(condition: Callable[[], Any], seconds: float = 30.0) -> None:
    """Wait for the condition."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it never came to that"
        time.sleep(0.02)
