"""A model of digits that answers over HTTP, V1: 784 numbers in, ten probabilities out. Runs in the attacks'
environment.

    python model.py network|logistic|convolutional DIGITS.npz ROWS HOST:PORT

is trained on the first ROWS digits and then listens: scikit-learn's MLPClassifier or LogisticRegression, or a
small convolutional network of PyTorch.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import orjson


def network(pixels: Any, labels: Any) -> Callable[[Any], Any]:
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier((128,), max_iter=30, random_state=0, early_stopping=True)
    return model.fit(pixels, labels).predict_proba


def logistic(pixels: Any, labels: Any) -> Callable[[Any], Any]:
    return logistic_regression(pixels, labels).predict_proba


def logistic_regression(pixels: Any, labels: Any) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=0.05, max_iter=300).fit(pixels, labels)


def convolutional(pixels: Any, labels: Any) -> Callable[[Any], Any]:
    import torch

    model = convolutions(pixels, labels)

    def probabilities(rows: Any) -> Any:
        with torch.no_grad():
            return model(torch.tensor(rows, dtype=torch.float32).reshape(-1, 1, 28, 28)).softmax(1).numpy()

    return probabilities


def convolutions(pixels: Any, labels: Any) -> Any:
    """The network itself, trained; the same for the same digits."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = nn.Sequential(
        *(nn.Conv2d(1, 16, 5, 2), nn.ReLU(), nn.Conv2d(16, 32, 5, 2), nn.ReLU(), nn.Flatten()),
        *(nn.Linear(512, 64), nn.ReLU(), nn.Linear(64, 10)),
    )
    images = torch.tensor(pixels, dtype=torch.float32).reshape(-1, 1, 28, 28)
    truth = torch.tensor(labels, dtype=torch.long)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(8):
        for some in torch.randperm(len(images)).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images[some]), truth[some]).backward()
            optimizer.step()
    return model.eval()


def serve(probabilities: Callable[[Any], Any], address: str) -> None:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._answer(b"{}")

        def do_POST(self) -> None:
            body = orjson.loads(self.rfile.read(int(self.headers["content-length"])))
            found = np.round(probabilities(np.array(body["instances"])).astype(np.float64), 7)
            self._answer(orjson.dumps({"predictions": found.tolist()}))

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    host, _, port = address.rpartition(":")
    ThreadingHTTPServer((host, int(port)), Handler).serve_forever()


def main() -> None:
    kind, file, rows, address = sys.argv[1:]
    with np.load(file) as digits:
        pixels, labels = digits["pixels"][: int(rows)], digits["labels"][: int(rows)]
    serve(MODELS[kind](pixels, labels), address)


MODELS = {"network": network, "logistic": logistic, "convolutional": convolutional}


if __name__ == "__main__":
    main()
