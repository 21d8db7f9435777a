"""A payload as flat columns, whatever shapes it came in."""

from __future__ import annotations

import numpy as np

from sidecar.exchange import Payload, Tensor
from sidecar.features import column_names, columns


def test_columns_flatten_every_shape() -> None:
    everything = Payload(
        "test",
        (
            Tensor("n", np.array([1, 2])),
            Tensor("one", np.array([[3], [4]])),
            Tensor("frame", np.array([[5, 6], [7, 8]]), ("u", "ü")),
            Tensor("deep", np.arange(8).reshape(2, 2, 2)),
            Tensor("s", np.array(["x", None], dtype=object)),
        ),
    )
    found = columns(everything)
    assert tuple(found) == column_names(everything)
    assert {name: column.tolist() for name, column in found.items()} == {
        "n": [1, 2],
        "one": [3, 4],
        "u": [5, 7],
        "ü": [6, 8],
        "deep[0]": [0, 4],
        "deep[1]": [1, 5],
        "deep[2]": [2, 6],
        "deep[3]": [3, 7],
        "s": ["x", None],
    }
