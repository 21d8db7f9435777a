"""What is sent and what comes back: the payloads of the comparison, and the data a baseline is fitted on.

Every number is drawn from one population, 30 independent standard normal features. A request holds only
rows from its middle, so that a baseline fitted on the population calls all of them normal.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FEATURES = 30
_SEED = 20260711


class Payload(NamedTuple):
    """One kind of call. wrk sends the `bodies` in turn; the backend answers `reply` to each.

    `connections` are the numbers of open connections it is measured with unless the caller names others.
    """

    name: str
    note: str
    target: str
    headers: tuple[str, ...]
    bodies: tuple[bytes, ...]
    reply: bytes
    connections: tuple[int, ...]

    def write(self, directory: Path) -> None:
        """Lay the bodies out as files `1`, `2`, ... for wrk's Lua script."""
        directory.mkdir(parents=True)
        for number, body in enumerate(self.bodies, 1):
            (directory / str(number)).write_bytes(body)


def reference(rows: int = 5000) -> str:
    """Training data as CSV with a header: rows of the population that requests are drawn from."""
    values = np.random.default_rng(_SEED).standard_normal((rows, FEATURES))
    lines = [",".join(f"f{n:02d}" for n in range(FEATURES))]
    lines += [",".join(f"{value:.6f}" for value in row) for row in values]
    return "\n".join(lines) + "\n"


def one_row() -> Payload:
    """The standard call: one row of 30 numbers as V1 JSON, about 350 bytes each way."""
    return Payload(
        name="json",
        note="350-byte JSON both ways, one row",
        target="/v1/models/bench:predict",
        headers=("Content-Type: application/json",),
        bodies=tuple(_v1(_central_rows(seed, 1)) for seed in range(64)),
        reply=_text({"predictions": [[round(0.0303 + n / 1e5, 6) for n in range(37)]]}),
        connections=(1, 16, 64),
    )


def batch() -> Payload:
    """64 KB of V1 JSON: 206 rows, 206 predictions."""
    rows = 206
    return Payload(
        name="batch",
        note=f"64 KB JSON batch of {rows} rows",
        target="/v1/models/batch:predict",
        headers=("Content-Type: application/json",),
        bodies=tuple(_v1(_central_rows(seed, rows)) for seed in range(16)),
        reply=_text({"predictions": [round(0.25 + n / 1e3, 3) for n in range(rows)]}),
        connections=(1, 16),
    )


def tensor() -> Payload:
    """1 MB binary tensor of the Open Inference Protocol: 8,738 rows of 30 FP32."""
    rows = 8738
    bodies = tuple(_v2(_central_rows(seed, rows)) for seed in range(4))
    return Payload(
        name="tensor",
        note=f"1 MB binary tensor of {rows} rows",
        target="/v2/models/bench/infer",
        headers=(
            "Content-Type: application/octet-stream",
            f"Inference-Header-Content-Length: {bodies[0].index(b'}]}') + 3}",
        ),
        bodies=bodies,
        reply=_text(
            {
                "model_name": "bench",
                "outputs": [
                    {
                        "name": "means",
                        "datatype": "FP32",
                        "shape": [1, FEATURES],
                        "data": [round(0.1 + n / 1e4, 4) for n in range(FEATURES)],
                    }
                ],
            }
        ),
        connections=(1, 4),
    )


PAYLOADS = {"json": one_row, "batch": batch, "tensor": tensor}
"""What wrk sends. The fourth payload, `stream`, is sent and received by `bench.rig.bulk`."""


def odd_row() -> bytes:
    """A body like those of `one_row`, but far outside the population: whoever scores must notice it."""
    return _v1(np.full((1, FEATURES), 9.0))


def _central_rows(seed: int, rows: int) -> NDArray[np.float64]:
    values = np.random.default_rng((_SEED, seed)).standard_normal((rows * 4, FEATURES))
    values = values[np.abs(values) < 1.2]
    return values[: rows * FEATURES].reshape(rows, FEATURES)


def _v1(values: NDArray[np.float64]) -> bytes:
    return b'{"instances": [' + b", ".join(_list(row) for row in values) + b"]}"


def _list(row: NDArray[np.float64]) -> bytes:
    return ("[" + ", ".join(f"{value:.6f}" for value in row) + "]").encode()


def _v2(values: NDArray[np.float64]) -> bytes:
    data = values.astype("<f4").tobytes()
    header = _text(
        {
            "inputs": [
                {
                    "name": "input-0",
                    "shape": list(values.shape),
                    "datatype": "FP32",
                    "parameters": {"binary_data_size": len(data)},
                }
            ]
        }
    )
    return header + data


def _text(value: object) -> bytes:
    return json.dumps(value).encode()
