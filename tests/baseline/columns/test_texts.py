"""What is learned of a column of text."""

from __future__ import annotations

from sidecar.baseline.columns import texts
from sidecar.features.texts import learned


def test_missing_texts_teach_nothing_and_many_are_thinned(monkeypatch):
    lines = [f"line {i} of many" for i in range(10)]
    assert texts.of_texts("t", [*lines, None]).table == learned(lines)
    monkeypatch.setattr(texts, "LEARNED_FROM", 4)
    assert texts.of_texts("t", lines).table == learned(lines[::3])
