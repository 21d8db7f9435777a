"""The shape of the house: tests mirror the source, files stay small, the data plane light, locks clean."""

import ast
import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "sidecar").rglob("*.py"))
MODULES = [path for path in SOURCES if path.name != "__init__.py"]

TESTED_ELSEWHERE: dict[str, str] = {
    "console/answering.py": "says how to answer; test_api and test_site look at the answers",
    "console/keys.py": "only names what the application carries",
    "proxy/egress/listener.py": "runs in no other way than as a dialogue: test_outbound and test_tunnel",
    "proxy/grpc/ends.py": "is what callers and models have in common: test_caller and test_model",
    "proxy/grpc/outgoing.py": "test_call reads all that goes out",
    "tracing/dialect.py": "only says what a dialect is; test_w3c, test_b3 and test_jaeger try each of them",
    "tracing/pipeline.py": "runs in no other way than behind SpanExport, where test_spans reads what arrives",
}
"""Modules without a test file of their own, and why."""

LONGER: dict[str, str] = {}
"""Files over 400 lines, and why they are not two."""

DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers", "base", "core"}
"""Names that say nothing of what is inside."""

HEAVY = {
    "aiohttp",
    "cel_expr_python",
    "duckdb",
    "fsspec",
    "opentelemetry",
    "pandas",
    "pyarrow",
    "pyod",
    "scipy",
    "sklearn",
    "PIL",
    "rich",
    "yaml",
}
"""What the data plane must not import: megabytes in every pod."""


def inside(path: Path) -> str:
    return str(path.relative_to(ROOT / "sidecar"))


def mirror(path: Path) -> Path:
    return ROOT / "tests" / path.parent.relative_to(ROOT / "sidecar") / f"test_{path.name}"


# -- source and tests ------------------------------------------------------------------------------


def test_tests_mirror_the_source():
    without = {inside(path) for path in MODULES if not mirror(path).exists()}
    assert sorted(without - set(TESTED_ELSEWHERE)) == [], "no test file, and not on the table above"
    assert sorted(set(TESTED_ELSEWHERE) - without) == [], "on the table above, but there or gone"


@pytest.mark.parametrize("source", SOURCES, ids=inside)
def test_a_file_opens_with_what_it_is_for(source):
    tree = ast.parse(source.read_text(encoding="utf-8"))
    docstring = ast.get_docstring(tree)
    assert docstring, "no docstring"
    assert docstring.splitlines()[0].endswith((".", ":", ";", ",", "?")) or len(docstring.splitlines()) > 1


def test_files_stay_small():
    long = {inside(path) for path in SOURCES if len(path.read_text(encoding="utf-8").splitlines()) > 400}
    assert long == set(LONGER)


def test_no_drawers():
    names = {part for path in SOURCES for part in path.relative_to(ROOT).with_suffix("").parts}
    assert not names & DRAWERS


# -- weight ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", ["sidecar.proxy.worker", "sidecar.scoring.baseline", "sidecar.codecs"])
def test_data_plane_imports_nothing_heavy(entry):
    """In a process of its own: import-linter does not see what our packages import in their turn."""
    program = f"import json, sys, {entry}; print(json.dumps(sorted(sys.modules)))"
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = {name.partition(".")[0] for name in json.loads(shown.stdout)}
    assert not loaded & HEAVY


# -- packages --------------------------------------------------------------------------------------


@pytest.mark.parametrize("lock", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda path: path.name)
def test_locks_hold_versions_and_hashes_and_nothing_else(lock):
    package = re.compile(r"[a-z0-9][a-z0-9._-]*(\[[a-z,]+\])?==[^\s;]+( ; [^\\]+?)? \\")
    digest = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
    lines = lock.read_text(encoding="utf-8").splitlines()
    wrong = [line for line in lines if not package.fullmatch(line) and not digest.fullmatch(line)]
    assert lines
    assert not wrong
    names = {line.partition("==")[0] for line in lines if package.fullmatch(line)}
    assert not [name for name in names if re.match("torch|nvidia|cuda|tensorflow|jax", name)]


@pytest.mark.parametrize(
    ("lock", "extras"),
    [
        ("base", []),
        ("all", ["fit", "images", "capture", "otlp-grpc", "webhook"]),
        ("dev", ["fit", "images", "capture", "otlp-grpc", "webhook", "dev"]),
    ],
)
def test_locks_hold_what_the_package_asks_for(lock, extras):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [
        *project["dependencies"],
        *(one for extra in extras for one in project["optional-dependencies"][extra]),
    ]
    names = {re.split(r"[<>=;\[ ]", one)[0].lower() for one in asked} - {project["name"]}
    locked = re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements" / f"{lock}.txt").read_text(), re.M)
    assert names <= set(locked), "run: scripts/lock --keep"


@pytest.mark.parametrize(("folder", "lock"), [("sidecar", "all"), ("examples", "all"), ("tests", "dev")])
def test_whatever_is_imported_is_locked(folder, lock):
    locked = re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements" / f"{lock}.txt").read_text(), re.M)
    ours = {"sidecar", "examples", "tests", "bench", "k8s"}
    owners = importlib.metadata.packages_distributions()
    unlocked = {
        name
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in imported(node)
        if name not in sys.stdlib_module_names | ours
        and not {owner.lower().replace("_", "-") for owner in owners.get(name, [])} & set(locked)
    }
    assert unlocked == set(), "add it to pyproject.toml, then run: scripts/lock --keep"


def imported(node: ast.AST) -> list[str]:
    """The top packages that a statement imports."""
    names: list[str] = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        names = [node.module or ""]
    return [name.partition(".")[0] for name in names]
