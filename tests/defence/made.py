"""Handwritten digits of scikit-learn as large as those of MNIST, a model of them, an attack on it.

At their own 8 x 8 pixels they are all edge, and no noise can be told from them.
"""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.ndimage import zoom
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from sidecar.baseline.fit import fit
from sidecar.baseline.shifts import Model

SIDE = 28
PIXELS = f"{SIDE}x{SIDE}"


class Digits(NamedTuple):
    """Pictures from 0 to 1, (rows, SIDE * SIDE), and what they show."""

    pictures: np.ndarray
    labels: np.ndarray


@cache
def digits() -> Digits:
    pictures, labels = load_digits(return_X_y=True)
    larger = zoom(pictures.reshape(-1, 8, 8) / 16.0, (1, 2.5, 2.5), order=1)
    margin = (SIDE - larger.shape[1]) // 2
    large = np.pad(larger, ((0, 0), (margin, margin), (margin, margin)))
    shuffled = np.random.default_rng(0).permutation(len(labels))
    return Digits(large.reshape(-1, SIDE * SIDE)[shuffled], labels[shuffled])


TRAIN, CLEAN, FRESH = slice(0, 500), slice(500, 1400), slice(1400, None)
"""Rows for the model, for the baseline, and for what comes then."""


@cache
def model() -> LogisticRegression:
    pictures, labels = digits()
    return LogisticRegression(C=0.05, max_iter=300).fit(pictures[TRAIN], labels[TRAIN])


def fgsm(epsilon: float, rows: slice = FRESH) -> np.ndarray:
    """Those pictures with each pixel moved by epsilon so that the loss grows, as far as the model is fooled.

    Goodfellow, Shlens and Szegedy 2015, "Explaining and harnessing adversarial examples"."""
    pictures, labels = (part[rows] for part in digits())
    wrong = model().predict_proba(pictures)
    wrong[np.arange(len(labels)), labels] -= 1.0
    made = np.clip(pictures + epsilon * np.sign(wrong @ model().coef_), 0.0, 1.0)
    fooled: np.ndarray = made[model().predict(made) != labels]
    return fooled


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="digits-")


def clean_file() -> Path:
    """The rows that baselines are fitted on."""
    file = Path(_folder().name) / "digits.npz"
    if not file.exists():
        np.savez(file, X=digits().pictures[CLEAN])
    return file


@cache
def baseline() -> Path:
    """The directory of a baseline that knows that digits are pictures."""
    out = Path(_folder().name) / "baseline"
    fit(clean_file(), out, ["hbos"], pixels=PIXELS)
    return out


class Served:
    """The model of digits behind HTTP, V1; what it was asked as it marks questions, and what it says instead
    of an answer to those marked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.marks: list[str | None] = []
        self.fails = False


@contextmanager
def served() -> Iterator[Served]:
    """The model, listening."""
    model()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            mark = self.headers.get("x-sidecar-squeezed")
            told.marks.append(mark)
            answer = {"predictions": model().predict_proba(np.array(asked["instances"])).tolist()}
            body = json.dumps(answer).encode()
            self.send_response(500 if told.fails and mark else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

        def setup(self) -> None:
            super().setup()
            self.connection.settimeout(30)

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        told = Served(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield told
        finally:
            server.shutdown()


@cache
def asked_baseline() -> Path:
    """The directory of a baseline whose model was asked about clean digits, too."""
    out = Path(_folder().name) / "asked"
    data = Path(_folder().name) / "few.npz"
    np.savez(data, X=digits().pictures[CLEAN][:160])
    with served() as there:
        ask = Model(f"{there.url}/v1/models/digits:predict", None)
        fit(data, out, ["hbos"], pixels=PIXELS, ask=ask)
        ask.close()
    return out
