"""Secrets planted wherever a call has room for them reach the model, and nothing that the sidecar keeps or
sends."""

from __future__ import annotations

import gzip
import http.client
import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from examples.launch import Server
from sidecar.capture.reading import calls
from tests.redaction.planted import NAMED, SECRETS, leaks
from tests.tracing import receiver

PLANTED = {**SECRETS, **NAMED}


class Noting(BaseHTTPRequestHandler):
    """Answers with what it was asked, and notes everything that it got."""

    protocol_version = "HTTP/1.1"
    got: list[bytes]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        plain = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        self.got.append(self.path.encode() + repr(self.headers.items()).encode() + plain)
        if self.headers.get("X-Break"):
            self.send_response(200)
            self.send_header("Content-Length", str(len(body) + 10))
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True
            return
        self.send_response(500 if self.headers.get("X-Fail") else 200)
        self.send_header("Content-Type", self.headers.get("Content-Type", ""))
        if self.headers.get("Content-Encoding"):
            self.send_header("Content-Encoding", self.headers["Content-Encoding"])
        self.send_header("Set-Cookie", SECRETS["jwt"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def noting() -> Iterator[tuple[str, list[bytes]]]:
    got: list[bytes] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Noting,), {"got": got}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", got
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def exchanges(secret: str, name: str) -> Iterator[tuple[str, dict[str, str], bytes]]:
    """Path, header fields and body of calls that carry a secret everywhere."""
    key = name if name in NAMED else "note"
    line = secret.replace("\n", " ")
    fields = {
        "User-Agent": f"agent {key}={line}",
        "X-Custom": line,
        "Cookie": f"session={line}",
        "Authorization": f"Bearer {line}",
        "baggage": f"{key}={quote(secret)}",
        "tracestate": "vendor=1",
    }
    query = f"{key}={quote_plus(secret)}&x=1"
    nested = {"instances": [[1.0, 2.0]], key: secret, "inner": json.dumps({"deep": [{key: secret}]})}
    texts = json.dumps(
        {"inputs": [{"name": key, "shape": [1], "datatype": "BYTES", "data": [f"{key}: {secret}"]}]}
    )
    document = json.dumps(nested).encode()
    yield f"/v1/models/m:predict?{query}", fields | {"Content-Type": "application/json"}, document
    yield "/v2/models/m/infer", fields | {"Content-Type": "application/json"}, texts.encode()
    zipped = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    yield f"/v1/models/m:predict?{query}", fields | zipped, gzip.compress(document)
    yield (
        f"/{quote(f'{key}={secret}', safe='')}/x",
        fields | {"Content-Type": "text/plain"},
        f"{key}={line}".encode(),
    )
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    yield "/form", fields | form, query.encode()
    yield "/broken", fields | {"Content-Type": "application/json", "X-Break": "1"}, document
    yield "/failing", fields | {"Content-Type": "application/json", "X-Fail": "1"}, document


def ask(url: str, path: str, fields: dict[str, str], body: bytes) -> None:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    try:
        connection.request("POST", path, body, fields)
        connection.getresponse().read()
    except http.client.IncompleteRead:
        assert "X-Break" in fields
    finally:
        connection.close()


def until(condition: Callable[[], bool], what: str) -> None:
    ends = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends, what
        time.sleep(0.05)


def test_no_secret_is_kept_or_sent(tmp_path: Path, start_sidecar) -> None:
    run_dir, captures = tmp_path / "run", tmp_path / "captures"
    with noting() as (upstream, got), noting() as (events, sent), receiver.http() as collector:
        sidecar = start_sidecar(
            upstream,
            *("--capture", str(captures), "--capture-events", events, "--capture-rate", "1"),
            *(
                "--run-dir",
                str(run_dir),
                "--access-log",
                str(tmp_path / "access.log"),
                "--log-level",
                "debug",
            ),
            *("--snapshot-seconds", "0.2", "--trace-ratio", "1"),
            env={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "OTEL_BSP_SCHEDULE_DELAY": "50"},
        )
        asked = 0
        for name, secret in PLANTED.items():
            for path, fields, body in exchanges(secret, name):
                ask(sidecar.url, path, fields, body)
                asked += 1
        assert sorted(leaks(b"\n".join(got))) == sorted(PLANTED), "the model got everything as it was"

        until(lambda: shown(sidecar, "status")["capture"]["events"]["kept"] == asked, "events came")
        until(lambda: len({span.trace for span in collector.spans}) == asked, "spans came")
        until(lambda: shown(sidecar, "status")["capture"]["files"]["kept"] == asked, "calls are on disk")
        console = [
            get(sidecar, path) for path in ("/", "/metrics", "/api/v1/windows", "/api/v1/exchanges?limit=400")
        ]
        ids = [one["id"] for one in json.loads(console[-1])["exchanges"]]
        console += [get(sidecar, f"/api/v1/exchanges/{id_}") for id_ in ids]
        journals = b"".join(path.read_bytes() for path in captures.glob(".open/*"))
        until(lambda: (run_dir / "observer.snapshot").stat().st_mtime > time.time() - 1, "a snapshot")
        snapshot = b"".join(path.read_bytes() for path in run_dir.rglob("*") if path.is_file())
        sidecar.process.stop()

    kept = list(calls(str(captures)))
    assert len(kept) == asked
    assert sum(bool(row["redacted"]) for row in kept) == asked, "each body had something to be taken out"
    for what, data in {
        "captures": repr(kept).encode(),
        "journals": journals,
        "events": b"\n".join(sent),
        "spans": repr(collector.spans).encode(),
        "access log": (tmp_path / "access.log").read_bytes(),
        "log": sidecar.process.log.read_bytes(),
        "console": b"\n".join(console),
        "run directory": snapshot,
    }.items():
        assert data, what
        assert leaks(data) == [], what


def get(sidecar: Server, path: str) -> bytes:
    with urllib.request.urlopen(sidecar.admin_url + path, timeout=20) as answer:
        return bytes(answer.read())


def shown(sidecar: Server, view: str):
    return json.loads(get(sidecar, f"/api/v1/{view}"))


@pytest.mark.parametrize("secret", PLANTED)
def test_the_search_itself_finds_what_is_planted(secret: str) -> None:
    for path, fields, body in exchanges(PLANTED[secret], secret):
        plain = gzip.decompress(body) if fields.get("Content-Encoding") == "gzip" else body
        assert secret in leaks(plain), path
