"""A gap in the training data is found in traffic, exported, and closed.

One handwritten digit is left out of a model's training and of the baseline. Callers send it all the same.
Nobody tells the sidecar of it, yet it must show up as a cohort, and the exported rows, once labelled, must
mend the model. Rows and labels are real: scikit-learn's digits, 8 x 8 pixels.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.datasets import load_digits
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from examples import launch
from examples.processes import ROOT, answers
from examples.traffic import Caller
from sidecar.baseline.tables import parquet
from tests.stories.test_observer_kill import observer

PREDICT = "/v1/models/digits:predict"


class Rows(NamedTuple):
    """Images, (rows, 64), and the digit that each shows."""

    X: np.ndarray
    y: np.ndarray

    def __add__(self, other: Rows) -> Rows:  # type: ignore[override]
        return Rows(np.concatenate((self.X, other.X)), np.concatenate((self.y, other.y)))

    def part(self, rows: Any) -> Rows:
        return Rows(self.X[rows], self.y[rows])


class Planted(NamedTuple):
    """The digits, dealt out so that no row is in two parts. `train` lacks one digit."""

    train: Rows
    traffic: Rows
    test: Rows


def planted(digit: int) -> Planted:
    """Leave a digit out of training: 110 of its rows are in traffic, the others are for the test."""
    X, y = load_digits(return_X_y=True)
    everything, shuffle = Rows(X.astype(np.float64), y), np.random.default_rng(digit)
    known, hidden = (shuffle.permutation(np.flatnonzero(which)) for which in (y != digit, y == digit))
    traffic = shuffle.permutation(np.concatenate((known[700:1060], hidden[:110])))
    test = np.concatenate((known[1060:], hidden[110:]))
    return Planted(everything.part(known[:700]), everything.part(traffic), everything.part(test))


class Digits:
    """A model of digits (V1 protocol) that can be trained anew."""

    def __init__(self, train: Rows) -> None:
        self.url = ""
        self.train(train)

    def train(self, rows: Rows) -> None:
        self._model = SVC(gamma=0.001).fit(*rows)

    def answer(self, body: bytes) -> bytes:
        instances = np.array(json.loads(body)["instances"])
        return json.dumps({"predictions": self._model.predict(instances).tolist()}).encode()

    def accuracy(self, test: Rows) -> float:
        """Of its answers for `test`, asked directly, so that no sidecar learns of them."""
        body = json.dumps({"instances": test.X.tolist()}).encode()
        with Caller(self.url) as caller:
            answer = json.loads(caller.post(PREDICT, body).body)
        return float(np.mean(np.array(answer["predictions"]) == test.y))


class Orders:
    """A model of orders (MLflow protocol): is it a large one? It never looks at the country."""

    url = ""

    def __init__(self, orders: list[dict[str, Any]]) -> None:
        amounts = np.array([[order["amount"]] for order in orders])
        self._model = DecisionTreeClassifier(max_depth=1).fit(amounts, amounts[:, 0] > 50.0)

    def answer(self, body: bytes) -> bytes:
        amounts = [[order["amount"]] for order in json.loads(body)["dataframe_records"]]
        return json.dumps({"predictions": self._model.predict(amounts).tolist()}).encode()


@contextmanager
def served(model: Digits | Orders) -> Iterator[None]:
    """The model behind a port of its own, `model.url`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # header and body are written apart

        def do_POST(self) -> None:
            body = model.answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        model.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield
        finally:  # a thread that stays would hold the tests' process up for ever
            server.shutdown()
            thread.join()


def sidecar(*arguments: str) -> str:
    """Run a command of the sidecar as a person would; what it printed."""
    command = [sys.executable, "-m", "sidecar.cli", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout


def all_seen(watched: launch.Server, calls: int) -> None:
    """Wait until the observer has heard of all calls: it is told behind them, and the search is about those
    that it knows."""

    def seen() -> bool:
        with urllib.request.urlopen(f"{watched.admin_url}/api/v1/status", timeout=10) as answer:
            return bool(json.load(answer)["records"] == calls)

    watched.process.wait_until(seen)


def test_a_digit_left_out_of_training_is_found_as_a_cohort_and_its_export_mends_the_model(
    tmp_path: Path, start_sidecar
) -> None:
    digit = 6  # how it goes with the others, and with other detectors: python -m bench.cohorts
    train, traffic, test = planted(digit)
    reference, baseline, export = (tmp_path / name for name in ("train.npz", "baseline", "add.parquet"))
    np.savez(reference, X=train.X)
    sidecar("fit", "--data", str(reference), "--out", str(baseline), "--detectors", "knn")

    model = Digits(train)
    with served(model):
        watched = start_sidecar(model.url, "--baseline", str(baseline))
        with Caller(watched.url) as caller:
            for number, row in enumerate(traffic.X.tolist()):
                body = json.dumps({"instances": [row]}).encode()
                assert caller.post(PREDICT, body, {"x-request-id": f"call-{number}"}).status == 200

        all_seen(watched, len(traffic.X))
        listed = sidecar("outliers", "list", "--admin", watched.admin_url)
        assert "cohort 1: " in listed, listed
        sidecar("outliers", "export", "--admin", watched.admin_url, "--cohort", "1", "--out", str(export))

        columns, _ = parquet.read(export)
        numbers = [int(id_.removeprefix("call-")) for id_ in columns["sidecar_request"]]
        found = traffic.part(numbers)
        exported = np.column_stack([columns[f"x{i}"] for i in range(64)])
        assert (exported == found.X).all(), "exactly the rows that were sent"
        purity = np.mean(found.y == digit)

        without = model.accuracy(test)
        model.train(train + found)  # somebody has looked at the rows and labelled them
        mended = model.accuracy(test)
        model.train(train + traffic.part(traffic.y == digit))
        best = model.accuracy(test)

    closed = (mended - without) / (best - without)
    print(f"digit {digit}: {len(numbers)} rows, purity {purity:.3f}, accuracy {without:.3f} -> {mended:.3f}")
    print(f"of {best:.3f} with all rows of the digit: {closed:.0%} of the gap\n{listed}")
    assert best - without > 0.08, "there was a gap to close"
    assert purity >= 0.9
    assert closed >= 0.8


def orders(count: int, countries: list[str], around: float, seed: int) -> list[dict[str, Any]]:
    shuffle = np.random.default_rng(seed)
    amounts, names = shuffle.normal(around, 5.0, count).round(2), shuffle.choice(countries, count)
    return [{"amount": a, "country": c} for a, c in zip(amounts.tolist(), names.tolist(), strict=True)]


def test_a_country_that_training_never_had_is_named_and_outlives_the_observer(
    tmp_path: Path, start_sidecar
) -> None:
    train = orders(1000, ["de", "fr", "it"], 50.0, seed=1)
    traffic = orders(200, ["de", "fr", "it"], 50.0, seed=2) + orders(40, ["XX"], 90.0, seed=3)
    reference, baseline, export = (tmp_path / name for name in ("train.jsonl", "baseline", "add.jsonl"))
    reference.write_text("\n".join(map(json.dumps, train)))
    sidecar("fit", "--data", str(reference), "--out", str(baseline))

    model = Orders(train)
    with served(model):
        flags = ("--run-dir", str(tmp_path / "run"), "--snapshot-seconds", "0.2")
        watched = start_sidecar(model.url, "--baseline", str(baseline), *flags)
        with Caller(watched.url) as caller:
            for order in traffic:
                body = json.dumps({"dataframe_records": [order]}).encode()
                assert caller.post("/invocations", body).status == 200
        all_seen(watched, len(traffic))
        at = ("--admin", watched.admin_url)
        listed = " ".join(sidecar("outliers", "list", *at).split())
        kept, written = tmp_path / "run" / "observer.snapshot", set()

        def kept_since() -> bool:
            """Whether two more snapshots were written: the second was begun after the list was made."""
            written.add(kept.stat().st_mtime_ns)
            return len(written) > 2

        watched.process.wait_until(kept_since)
        os.kill(observer(watched).pid, signal.SIGKILL)
        watched.process.wait_until(lambda: answers(f"{watched.admin_url}/healthz"))
        sidecar("outliers", "export", *at, "--cohort", "1", "--out", str(export), "--fields-only")

    assert 'country = "XX", never seen in the reference (clean: 0 %)' in listed
    assert "amount between " in listed
    exported = [json.loads(line) for line in export.read_text().splitlines()]
    strangers = [order for order in traffic if order["country"] == "XX"]
    assert sorted(exported, key=str) == sorted(strangers, key=str), "all of them, as they were sent"
