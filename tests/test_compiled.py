"""The rules for modules that may be compiled. Whether they work compiled: `scripts/compiled pytest`."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import sidecar
from sidecar.compiled import COMPILED, HOT

PACKAGE = Path(__file__).parent.parent / "sidecar"
TREES = {
    str(path.relative_to(PACKAGE)): ast.parse(path.read_text(encoding="utf-8"))
    for path in PACKAGE.rglob("*.py")
}


def test_the_list_names_files_in_order():
    assert list(HOT) == sorted(set(HOT) & TREES.keys())


def test_it_says_what_this_process_runs():
    modules = {path: Path(sidecar.__file__).parent / path for path in HOT}
    built = {path for path, source in modules.items() if list(source.parent.glob(f"{source.stem}.*.so"))}
    assert built == (set(HOT) if COMPILED else set())


def test_who_inherits_from_a_hot_class_is_hot():
    hot = {name for path in HOT for name in _classes(TREES[path])}
    heirs = {
        (path, name)
        for path, tree in TREES.items()
        for name, bases in _classes(tree).items()
        if bases & hot and path not in HOT
    }
    assert heirs == set()


@pytest.mark.parametrize("path", HOT)
def test_class_bodies_give_a_value_to_one_name_at_a_time(path):
    several = [
        line.lineno
        for node in ast.walk(TREES[path])
        if isinstance(node, ast.ClassDef)
        for line in node.body
        if isinstance(line, ast.Assign) and (len(line.targets) > 1 or isinstance(line.targets[0], ast.Tuple))
    ]
    assert several == []


def _classes(tree: ast.Module) -> dict[str, set[str]]:
    """Each class and the names of its bases."""
    return {
        node.name: {ast.unparse(base).partition("[")[0] for base in node.bases}
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }


@pytest.mark.parametrize("path", HOT)
def test_nothing_is_awaited_inside_an_except(path):
    """Compiled, what runs meanwhile would have that exception for its context, and be taken for its cause."""
    awaited = [
        inner.lineno
        for node in ast.walk(TREES[path])
        if isinstance(node, ast.ExceptHandler)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Await | ast.AsyncFor | ast.AsyncWith)
    ]
    assert awaited == []
