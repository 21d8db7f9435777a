"""What the setting `prediction` says of a model's outputs. Empty: it's inferred from them and the labels.

Counterpart: `sidecar.labels.prediction`, which infers.
"""

from __future__ import annotations

import msgspec

from sidecar.errors import UsageError


class Said(msgspec.Struct, frozen=True):
    """Names of outputs, and the class that counts as positive; empty where it's to be inferred."""

    predicted: str = ""
    score: str = ""
    value: str = ""
    positive: str = ""


KEYS = {"class": "predicted", "score": "score", "value": "value", "positive": "positive"}
"""What stands before `=` -> field."""


def said(text: str) -> Said:
    """`class=label,score=p[1],positive=yes` or `value=price`, as it's meant. Raises UsageError."""
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, _, name = part.partition("=")
        if key.strip() not in KEYS or not name.strip():
            raise UsageError(
                f"prediction: {part!r} should be one of class=, score=, value=, positive=, and a name"
            )
        found[KEYS[key.strip()]] = name.strip()
    if "value" in found and len(found) > 1:
        raise UsageError(
            "prediction: value= means a quantity, so class=, score= and positive= don't go with it"
        )
    return Said(**found)
