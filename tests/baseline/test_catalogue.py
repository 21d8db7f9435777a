"""The table of PyOD's detectors is whole, and agrees with what is compiled and with its page."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

from sidecar.baseline.catalogue import CATALOGUE, page
from sidecar.baseline.fitting import RECIPES
from sidecar.scoring.detectors import DETECTORS

BASES = {"BaseDetector", "BaseDeepLearningDetector"}


def detectors_of_pyod() -> set[str]:
    """The classes in `pyod/models` that are detectors, read from the source: importing some needs PyTorch."""
    spec = importlib.util.find_spec("pyod")
    assert spec is not None
    assert spec.origin is not None
    return {
        node.name
        for file in (Path(spec.origin).parent / "models").glob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and {getattr(base, "id", "") for base in node.bases} & BASES
    } - BASES


def test_every_detector_of_pyod_is_on_the_table():
    assert set(CATALOGUE) == detectors_of_pyod()
    assert len(CATALOGUE) == 61


def test_what_is_called_compiled_is():
    named = [name for entry in CATALOGUE.values() for name in entry.names]
    assert sorted(named) == sorted(DETECTORS)
    assert all(bool(entry.names) == (entry.standing == "compiled") for entry in CATALOGUE.values())
    for pyod, entry in CATALOGUE.items():
        assert {RECIPES[name].name for name in entry.names} <= {pyod}


def test_the_page_is_the_table():
    assert (Path(__file__).parents[2] / "docs" / "detectors.md").read_text(encoding="utf-8") == page()
