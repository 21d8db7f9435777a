"""Rows of features: a number by its name, from its place in the block."""

import numpy as np
import pytest

from sidecar.policy.row import Row, index_of


def test_a_row_is_a_mapping_of_its_part_of_the_block():
    block = np.array([[1.0, 2.0], [3.0, 4.0]]).tobytes()
    row = Row(block, 2, index_of(("a", "b")))
    assert dict(row) == {"a": 3.0, "b": 4.0}
    assert "c" not in row
    with pytest.raises(KeyError):
        row["c"]
