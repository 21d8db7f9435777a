"""Attacks that know the model: how many are found by their noise, how many because the answer flips, and what
else is taken for an attack. Counterpart: `bench.attacks.makers` attacks.

The model is trained on one part of the digits, the baseline fitted on another (and the model asked about it),
clean digits and attacks are a third. Each is sent once, through a running sidecar with a policy that would
block, as a dry run, so that its verdict comes back with the answer. Attacks count where they fool the model.
"""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np

from bench.attacks.sequences import Digits, served, table
from examples import launch
from examples.processes import ROOT
from examples.processes import python as command

TRAINED, REFERENCE = 2_500, 4_500
"""The first digits are the model's, those up to here the baseline's."""

EACH = 0.025
"""Threshold of noise and of answers that flip: together at most 5 % of clean digits."""

STRICT = 0.005
"""Another one, of policies/04."""

POLICY = f"""\
apiVersion: sidecar/v1
kind: Policy
name: looked-at
deadline: 30s
rules:
  - {{name: flips, when: inconsistent.p <= {EACH}, action: block, dry-run: true}}
"""

PATIENCE = 30.0
"""Seconds that the windows are given to hear of all calls."""

LOOK = 3.5
"""Seconds after which windows of 784 inputs look again at what they have heard of, when they hear of more."""

LAST = 10
"""Pictures that are sent so much later, so that all others have been looked at."""

SIGN = re.compile(r"(noise|inconsistent);p=([\d.]+)")


class Size(NamedTuple):
    """Digits that are attacked, and that are made worse: so many of these that windows can tell."""

    attacked: int
    worse: int


SIZES = {False: Size(200, 500), True: Size(40, 40)}


class Seen(NamedTuple):
    """What was said of one picture: the p-value of each sign that was found, and whether it's an outlier."""

    signs: dict[str, float]
    outlier: bool
    answer: int


def main(python: Path, place: Path, quick: bool, only: tuple[str, ...]) -> int:
    size = SIZES[quick]
    subprocess.run([python, ROOT / "bench/attacks/digits.py", place / "digits.npz"], check=True)
    with np.load(place / "digits.npz") as found:
        digits = Digits(place / "digits.npz", found["pixels"], found["labels"])
    np.savez(place / "reference.npz", X=digits.pixels[TRAINED:REFERENCE])
    (place / "looked-at.yaml").write_text(POLICY)
    rows: list[list[object]] = []
    for kind in only or ("logistic", "convolutional"):
        print(f"attacks on {kind}", file=sys.stderr)
        made = _made(python, place, digits, kind, size)
        with served(python, place, digits, kind, TRAINED) as model:
            _fit(place, kind, model.url)
            flags = ("--baseline", str(place / kind), "--policy", str(place / "looked-at.yaml"))
            flags += ("--adversarial-threshold", str(EACH))
            for name, pictures in (("clean", digits.pixels[REFERENCE:]), *made.items()):
                with launch.sidecar(model.url, place, flags) as sidecar:  # each with windows of its own
                    seen = _ask(sidecar.url, pictures[:-LAST])
                    time.sleep(LOOK)
                    seen += _ask(sidecar.url, pictures[-LAST:])
                    state = _drift(sidecar.admin_url, len(pictures))
                if name == "clean":
                    right = np.mean([one.answer for one in seen] == digits.labels[REFERENCE:])
                    name = f"clean, {right:.1%} read right"
                rows.append([*_row(kind, name, seen), state])
                print(*rows[-1], file=sys.stderr)
    print(table(["model", "pictures", "n", "noise %", "flips %", f"either % (p <= {EACH})",
                 f"either % (p <= {STRICT})", "outlier %", "drift"], rows))  # fmt: skip
    return 0


def _made(python: Path, place: Path, digits: Digits, kind: str, size: Size) -> dict[str, Any]:
    """Attacks, then pictures that are only worse, by name."""
    out = place / f"made-{kind}.npz"
    numbers = map(str, (TRAINED, REFERENCE, *size))
    maker = ROOT / "bench/attacks/makers.py"
    subprocess.run([python, maker, kind, digits.file, *numbers, out], check=True, stdout=sys.stderr)
    with np.load(out) as made:
        return {name.partition("/")[2]: made[name] for name in made.files}


def _fit(place: Path, kind: str, url: str) -> None:
    arguments = ["fit", "--data", str(place / "reference.npz"), "--out", str(place / kind)]
    arguments += ["--pixels", "28x28", "--ask", f"{url}/v1/models/digits:predict"]
    subprocess.run(command("sidecar.cli", *arguments), cwd=ROOT, check=True, stdout=sys.stderr)


def _ask(url: str, pictures: Any) -> list[Seen]:
    """Send each picture, one after the other."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    seen = []
    for picture in pictures.tolist():
        body = json.dumps({"instances": [picture]})
        connection.request("POST", "/v1/models/digits:predict", body, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        answer = json.loads(reply.read())["predictions"][0]
        signs = {name: float(p) for name, p in SIGN.findall(reply.headers["x-anomaly-evidence"] or "")}
        assert (reply.headers["x-anomaly-verdict"] == "adversarial") == bool(signs)
        outlier = float(reply.headers["x-anomaly-score"]) >= 0.99
        seen.append(Seen(signs, outlier, int(np.argmax(answer))))
    connection.close()
    return seen


def _drift(admin_url: str, calls: int) -> str:
    """What the windows say, `stable`, `skew`, ..., once they have heard of all calls."""
    deadline = time.monotonic() + PATIENCE
    while _status(admin_url)["records"] < calls and time.monotonic() < deadline:
        time.sleep(0.2)
    return str(_status(admin_url)["drift"]).partition(";")[0]


def _status(admin_url: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{admin_url}/api/v1/status", timeout=PATIENCE) as reply:
        found: dict[str, Any] = json.load(reply)
    return found


def _row(kind: str, name: str, seen: list[Seen]) -> list[object]:
    def share(found: list[bool]) -> str:
        return f"{100 * np.mean(found):.1f}"

    return [
        *(kind, name, len(seen)),
        *(share([sign in one.signs for one in seen]) for sign in ("noise", "inconsistent")),
        share([bool(one.signs) for one in seen]),
        share([any(p <= STRICT for p in one.signs.values()) for one in seen]),
        share([one.outlier for one in seen]),
    ]
