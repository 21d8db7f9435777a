"""One value -> its name as a category, whatever type carried it."""

from __future__ import annotations

from sidecar.features import label


def test_labels() -> None:
    assert [label(v) for v in (True, "true", 3.0, -0.0, 2.5, 1e300, float("nan"), None, "")] == [
        "true", "true", "3", "0", "2.5", "1e+300", None, None, ""
    ]  # fmt: skip
