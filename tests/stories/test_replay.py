"""Yesterday's traffic against tomorrow's model: captured by a real sidecar, asked again of real servers."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from examples.flight import FEATURES, Flight
from examples.launch import Server
from examples.processes import ROOT
from examples.traffic import Caller

LOOKED_AT = FEATURES.index("s9")


@contextmanager
def candidate(model: Server, above: float) -> Iterator[str]:
    """The same model, but one that says 0.25 more where one reading is high, and refuses every tenth call."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        calls = 0

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            Handler.calls += 1
            if Handler.calls % 10 == 0:
                self._answer(503, b"{}")
                return
            request = urllib.request.Request(
                model.url + self.path, body, {"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(request, timeout=30) as reply:
                said = json.load(reply)
            rows = json.loads(body)["inputs"][0]["data"]
            flat = [x for row in rows for x in row] if isinstance(rows[0], list) else rows
            high = [flat[i] > above for i in range(LOOKED_AT, len(flat), len(FEATURES))]
            output = said["outputs"][0]
            output["data"] = [p + 0.25 * up for p, up in zip(output["data"], high, strict=True)]
            self._answer(200, json.dumps(said).encode())

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def replay(place: Path, upstream: str, *flags: str) -> str:
    command = [sys.executable, "-m", "sidecar.cli", "replay", str(place), "--upstream", upstream, *flags]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_captured_calls_tell_where_a_candidate_differs(
    model: Server, baseline: Path, flight: Flight, start_sidecar, tmp_path: Path
) -> None:
    place = tmp_path / "captures"
    sidecar = start_sidecar(
        model.url, "--baseline", str(baseline), "--capture", str(place), "--capture-rate", "1"
    )
    rows = flight.clean[:300]
    with Caller(sidecar.url) as caller:
        for row in rows:
            assert caller.infer(row[None]).status == 200
        assert caller.post("/v2/models/nobody/infer", b"{}").status == 404
    sidecar.process.stop()

    same = replay(place, model.url)
    assert "Compared 300 calls." in same
    assert "No answer differs" in same
    assert "1 because it failed" in same

    above = float(sorted(rows[:, LOOKED_AT])[225])
    with candidate(model, above) as url:
        told = json.loads(replay(place, url, "--json", "--concurrency", "1"))
        words = replay(place, url)
    assert told["compared"] == 270
    assert told["failed"] == {"status 503": 30}
    whole, *parts = told["differences"]
    share = (rows[:, LOOKED_AT] > above).mean()
    assert whole["group"] == "all"
    assert abs(whole["mean"]["value"] - 0.25 * share) < 0.05
    assert whole["mean"]["low"] <= 0.25 * share <= whole["mean"]["high"]
    sure = {one["group"]: one["mean"]["value"] for one in parts if one["sure"]}
    highest = next(group for group in sure if group.endswith("<= s9"))
    assert sure[highest] > 0.2, "nearly all rows of the highest quarter"
    assert "Where most" in words
    assert "30 because status 503" in words
