"""A sidecar whose baseline comes from a web server: it scores from the first call, or does not start."""

from __future__ import annotations

import functools
import http.server
import json
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.processes import NotStarted
from sidecar.fetching import digest_of


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def store(baseline: Path) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(baseline))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_it_scores_from_the_first_call(store, baseline, model, flight, start_sidecar):
    sidecar = start_sidecar(model.url, "--baseline", f"{store}#sha256={digest_of(baseline)}")
    row = flight.reference[:1]
    tensor = {"name": "readings", "datatype": "FP64", "shape": list(row.shape), "data": row.ravel().tolist()}
    request = urllib.request.Request(
        f"{sidecar.url}/v2/models/flight/infer",
        json.dumps({"inputs": [tensor]}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.headers["x-anomaly-verdict"] in ("normal", "outlier")


def test_another_baseline_than_was_meant_is_not_used(store, model, start_sidecar):
    with pytest.raises(NotStarted, match="it is another baseline, or was exchanged"):
        start_sidecar(model.url, "--baseline", f"{store}#sha256={'0' * 64}")
