"""Is the console quick, small, harmless and readable by everybody? In a real browser, over the demo's
sidecar.

    python -m bench.console                       a report; the status is 0 when all is as it should be
    python -m bench.console --pictures docs/pictures     and pictures of the pages off the tutorial

Each page: time to the first paint, bytes, errors, requests to others, findings of axe-core (from npm). Then 8
models with 200 inputs each: milliseconds of scripting for one update, and the share of a core that one viewer
costs the observer. Ends by itself."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

import numpy as np
import psutil
from playwright.sync_api import Browser

from bench.rig.browser import Visit, chromium
from bench.rig.installs import Missing
from examples import launch
from examples.flight import flight
from examples.launch import Server
from examples.processes import Process, python
from examples.traffic import Caller

PAGES = {
    "overview": "/",
    "features": "/features",
    "feature": "/features?feature=s5",
    "outliers": "/outliers",
    "attacks": "/attacks",
    "chain": "/chain",
    "performance": "/performance",
    "policies": "/policies",
    "health": "/health",
}
PAINT_MS, BYTES, SCRIPT_MS, CORE = 300.0, 250 * 1024, 100.0, 0.02
"""What is promised: first paint, transfer of a page, scripting of an update, share of a core for a viewer."""

AXE = "axe-core@4.14.1"
MODELS, INPUTS = 8, 200
PICTURES = ("attacks", "performance", "policies", "health", "overview-dark")
"""The others are taken by `bench.tutorial`, which comes by them."""

TAG = Path(__file__).parent.parent / "policies" / "02-tag.yaml"
WALK = """apiVersion: sidecar/v1
kind: Policy
name: guard
description: Nobody walks around one input.
rules:
  - {name: walk, when: sequence.n >= 3, action: block}
"""


def axe(cache: Path) -> str:
    """axe-core's script, from npm."""
    made = subprocess.run(
        ["npm", "pack", "--silent", AXE], cwd=cache, capture_output=True, text=True, timeout=120, check=False
    )
    if made.returncode:
        raise Missing(f"npm could not fetch {AXE}: {made.stderr.strip()}")
    with tarfile.open(cache / made.stdout.strip()) as package:
        member = package.extractfile("package/axe.min.js")
        assert member is not None
        return member.read().decode()


# -- the demo's sidecar ----------------------------------------------------------------------------------


@contextmanager
def played(home: Path) -> Iterator[Server]:
    """A sidecar that has seen clean traffic, labels, outliers, a drift and an attack, with policies."""
    data, policies = flight(), home / "policies"
    policies.mkdir()
    shutil.copy(TAG, policies)
    (policies / "walk.yaml").write_text(WALK)
    with ExitStack() as ends:
        model = ends.enter_context(launch.model(home))
        baseline = launch.fit(data, home)
        flags = ["--baseline", str(baseline), "--service-name", "flight"]
        flags += ["--policy", str(policies), "--prediction", "score=p_fault,positive=1"]
        sidecar = ends.enter_context(launch.sidecar(model.url, home, flags))
        with Caller(sidecar.url) as caller:
            odd, ids = iter(data.outliers), []
            for i, row in enumerate(data.clean[:3000]):
                ids.append(caller.infer(row[None]).headers["x-request-id"])
                if i % 60 == 59:
                    caller.infer(next(odd)[None])
                time.sleep(0.005)
            _label(sidecar, ids)
            step = 1e-5 * data.clean.std(axis=0)
            for i in range(8):
                caller.infer((data.clean[7] + i * step)[None], {"user-agent": "curious"})
            for row in data.drifted[-1500::2]:
                caller.infer(row[None])
                time.sleep(0.005)
        yield sidecar


def _label(sidecar: Server, ids: Sequence[str]) -> None:
    """Push what every second call turned out to be: one in fifty was a fault."""
    labels = [{"id": id_, "label": int(i % 50 == 0)} for i, id_ in enumerate(ids[::2])]
    body, type_ = json.dumps(labels).encode(), {"Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(f"{sidecar.admin_url}/api/v1/labels", body, type_)).close()


# -- pages -----------------------------------------------------------------------------------------------


def page(browser: Browser, url: str, path: str, script: str) -> list[str]:
    """One page: what is wrong with it, after its figures were printed."""
    paints, sizes = [], []
    for _ in range(3):
        visit = Visit(browser, url)
        shown = visit.to(path)
        shown.wait_for_timeout(500)
        paints.append(shown.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
        sizes.append(
            shown.evaluate(
                "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
                ".reduce((sum, one) => sum + one.transferSize, 0)"
            )
        )
        wrong = list(visit.wrong)
        if _ < 2:
            shown.close()
    shown.evaluate(script)
    found = shown.evaluate("axe.run(document)")["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    shown.close()
    wrong += [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in serious]
    paint, size = median(paints), max(sizes)
    wrong += [f"first paint after {paint:.0f} ms"] if paint > PAINT_MS else []
    wrong += [f"{size} bytes"] if size > BYTES else []
    minor = len(found) - len(serious)
    print(
        f"{path:<24}{paint:7.0f} ms{size / 1024:8.0f} KiB   axe: {len(serious)} serious, {minor} minor",
        flush=True,
    )
    return [f"{path}: {one}" for one in wrong]


def pictures(browser: Browser, url: str, place: Path, pages: dict[str, str]) -> None:
    """A picture of each of `PICTURES`."""
    place.mkdir(parents=True, exist_ok=True)
    for name in PICTURES:
        path = pages[name.removesuffix("-dark")]
        scheme = "dark" if name.endswith("-dark") else "light"
        visit = Visit(browser, url, color_scheme=scheme)
        visit.to(path).wait_for_timeout(1500)
        visit.page.screenshot(path=place / f"{name}.png")
        visit.page.close()


# -- many models -----------------------------------------------------------------------------------------


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"predictions": [0.5]}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def wide(home: Path) -> Iterator[Server]:
    """A sidecar before 8 models of 200 inputs, under steady traffic."""
    rows = np.random.default_rng(1).normal(size=(1500, INPUTS))
    reference = home / "wide.csv"
    names = ",".join(f"x{i}" for i in range(INPUTS))
    np.savetxt(reference, rows, delimiter=",", header=names, comments="", fmt="%.4f")
    arguments = ["fit", "--data", str(reference), "--out", str(home / "wide"), "--detectors", "ecod"]
    with Process("fit", python("sidecar.cli", *arguments), home) as fitting:
        assert fitting.wait(120) == 0, fitting.last_words()
    with ExitStack() as ends:
        model = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
        threading.Thread(target=model.serve_forever, daemon=True).start()
        ends.callback(model.shutdown)
        place = home / "run"
        place.mkdir()
        url = f"http://127.0.0.1:{model.server_address[1]}"
        sidecar = ends.enter_context(launch.sidecar(url, place, ["--baseline", str(home / "wide")]))
        stop = threading.Event()
        sending = threading.Thread(target=_send, args=(sidecar.url, rows, stop), daemon=True)
        sending.start()
        ends.callback(sending.join, 10)
        ends.callback(stop.set)
        yield sidecar


def _send(url: str, rows: np.ndarray, stop: threading.Event) -> None:
    with Caller(url) as caller:
        for i in range(10**9):
            if stop.wait(0.02):
                return
            body = json.dumps({"instances": rows[i % len(rows), None].round(4).tolist()}).encode()
            caller.post(f"/v1/models/m{i % MODELS}:predict", body)


def updates(browser: Browser, sidecar: Server, seconds: float) -> list[str]:
    """Scripting of an update, and what one viewer costs the observer."""
    observer = next(
        one
        for one in psutil.Process(sidecar.process.pid).children(recursive=True)
        if "observer" in one.cmdline()
    )
    visit, wrong, viewers = Visit(browser, sidecar.admin_url), [], {}
    for path in ("/", "/features"):
        shares = []
        for _ in range(3):
            visit.page.goto("about:blank")
            alone = _share(observer, seconds, lambda: None)
            visit.to(path)
            seen = _share(observer, seconds, lambda: visit.page.wait_for_timeout(seconds * 1000))
            shares.append(seen - alone)
        visit.page.wait_for_timeout(7000)
        took = visit.page.evaluate("performance.getEntriesByName('redraw').map((one) => one.duration)")
        viewers[path] = median(shares)
        longest, each = max(took, default=float("nan")), ", ".join(f"{share:.2%}" for share in shares)
        print(f"{path:<12}an update scripts {median(took):.1f} ms, at most {longest:.1f} ms, of {len(took)}")
        print(f"{path:<12}a viewer costs the observer {median(shares):.2%} of a core ({each})", flush=True)
        wrong += [f"{path}: an update scripts {longest:.0f} ms"] if not longest <= SCRIPT_MS else []
        wrong += [f"{path}: a viewer costs {median(shares):.1%} of a core"] if median(shares) > CORE else []
    return [*wrong, *visit.wrong]


def _share(process: psutil.Process, seconds: float, wait: object) -> float:
    """CPU seconds for each second."""
    before, began = sum(process.cpu_times()[:2]), time.monotonic()
    assert callable(wait)
    wait()
    time.sleep(max(0.0, began + seconds - time.monotonic()))
    return (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - began)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.console", description=__doc__)
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="write a picture of each page there")
    parser.add_argument(
        "--seconds", type=float, default=15.0, help="of each stretch with and without a viewer"
    )
    options = parser.parse_args(arguments)
    wrong: list[str] = []
    try:
        with tempfile.TemporaryDirectory(prefix="sidecar-console-") as place, chromium() as browser:
            home = Path(place)
            script = axe(home)
            with played(home) as sidecar:
                call = json.load(
                    urllib.request.urlopen(f"{sidecar.admin_url}/api/v1/exchanges?verdict=outlier")
                )
                pages = {**PAGES, "call": f"/exchanges/{call['exchanges'][0]['id']}"}
                pages["trace"] = f"/trace/{call['exchanges'][0]['trace_id']}"
                Visit(browser, sidecar.admin_url).to("/outliers").wait_for_timeout(
                    4000
                )  # a search for groups
                for path in pages.values():
                    wrong += page(browser, sidecar.admin_url, path, script)
                if options.pictures:
                    pictures(browser, sidecar.admin_url, options.pictures, pages)
            (home / "many").mkdir()
            with wide(home / "many") as sidecar:
                wrong += updates(browser, sidecar, options.seconds)
    except Missing as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(wrong) or "As it should be.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
