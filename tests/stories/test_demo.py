"""The demo is run as a person runs it, and must have seen all that it claims. Its exit status judges."""

import os
import re
import secrets
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from examples.processes import ROOT


@pytest.mark.parametrize("options", [(), ("--learn",)], ids=["fitted", "learned"])
def test_the_demo_sees_all_that_it_claims_and_leaves_nothing_behind(tmp_path: Path, options) -> None:
    mark = secrets.token_hex(8)  # in the environment of whatever the demo starts
    demo = subprocess.run(
        [sys.executable, "-m", "examples.demo", "--once", "--rate", "1000", *options],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path), "DEMO_OF": mark},
        capture_output=True,
        text=True,
        timeout=120,
    )
    said = demo.stdout + demo.stderr
    assert demo.returncode == 0, said
    assert "What the sidecar saw" in said
    assert not re.search(r"\bNO\b|Not seen", said), said
    assert "\x1b" not in said, "not a terminal, so no colours and no cursor movements"

    assert list(tmp_path.iterdir()) == [], "the temporary directory is left empty"
    left = [p.info["cmdline"] for p in psutil.process_iter(["cmdline", "environ"]) if _marked(p, mark)]
    assert left == [], "no process is left running"


def _marked(process: psutil.Process, mark: str) -> bool:
    return (process.info["environ"] or {}).get("DEMO_OF") == mark
