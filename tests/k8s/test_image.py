"""The image as far as it can be tried without building one: linter, facts, bill of materials."""

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.test_docs import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_the_linter_has_nothing_to_say():
    linter = Path(sys.executable).parent / "hadolint"
    done = subprocess.run(
        [linter, ROOT / "Dockerfile"], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_not_root_and_by_number():
    assert re.search(r"^USER 9700:9700$", DOCKERFILE, re.M)
    last = DOCKERFILE[DOCKERFILE.rindex("AS runtime") :]
    assert "USER root" not in last
    assert "pip install" not in last


def test_everything_that_is_copied_is_let_through():
    let = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        word for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.M) for word in line.split()[:-1]
    }
    assert copied == let
    assert all((ROOT / one).exists() for one in copied)


def test_the_bill_of_materials_names_what_is_installed():
    environment = Path(sys.executable).parent.parent
    made = [
        subprocess.run(
            [ROOT / "scripts/sbom", environment], capture_output=True, check=True, timeout=60
        ).stdout
        for _ in range(2)
    ]
    assert made[0] == made[1]
    bill = json.loads(made[0])
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    found = {one["name"].lower(): one for one in bill["components"]}
    assert found["aiohttp"]["purl"].startswith("pkg:pypi/aiohttp@")
    assert found["aiohttp"]["licenses"]
    references = [one["bom-ref"] for one in bill["components"]]
    assert len(references) == len(set(references)) > 50


def test_slim_leaves_what_runs(tmp_path):
    """On a copy of one small package with tests, headers and a library."""
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    for name in (
        "a/tests/test_a.py",
        "a/a.pyi",
        "a/a.h",
        "a/a.py",
        "pip/x.py",
        "a/__pycache__/a.pyc",
        "a.libs/b.so.1",
        "cel_expr_python/ext/x.so",
    ):
        (packages / name).parent.mkdir(parents=True, exist_ok=True)
        (packages / name).write_text("x")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pip").write_text("x")
    subprocess.run([ROOT / "scripts/slim", tmp_path], check=True, timeout=60)
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["lib/python3.11/site-packages/a.libs/b.so.1", "lib/python3.11/site-packages/a/a.py"]
