"""The table of PyOD's detectors is whole, and agrees with what is compiled and with its page."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

from sidecar.baseline.catalogue import CATALOGUE, page
from sidecar.baseline.fitting import ALL, APART
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


def names(standing: str) -> list[str]:
    return sorted(name for entry in CATALOGUE.values() if entry.standing == standing for name in entry.names)


def parameters(kind: ast.ClassDef) -> list[str]:
    (made,) = [one for one in kind.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"]
    return [one.arg for one in made.args.args]


def test_every_detector_of_pyod_is_on_the_table():
    assert set(CATALOGUE) == detectors_of_pyod()
    assert len(CATALOGUE) == 61


def test_what_is_called_compiled_is():
    assert names("compiled") == sorted(DETECTORS)
    assert names("impossible") == []
    for pyod, entry in CATALOGUE.items():
        assert {ALL[name].name for name in entry.names} <= {pyod}


def test_what_is_called_the_workers_can_be_made_there():
    assert names("worker") == sorted(APART)
    for recipe in APART.values():
        spec = importlib.util.find_spec(recipe.module)
        assert spec is not None
        assert spec.origin is not None
        tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
        (kind,) = [one for one in tree.body if isinstance(one, ast.ClassDef) and one.name == recipe.name]
        assert set(dict(recipe.parameters)) <= set(parameters(kind))


def test_the_page_is_the_table():
    assert (Path(__file__).parents[2] / "docs" / "detectors.md").read_text(encoding="utf-8") == page()
