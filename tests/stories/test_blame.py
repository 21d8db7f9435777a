"""Two chains of real models on real data: a better first model breaks the others, and is named."""

from itertools import pairwise

import pytest

from examples.chain.__main__ import NESTED, WITHIN, play
from examples.chain.server import FAMILIES
from examples.chain.stage import running


@pytest.mark.parametrize("family", FAMILIES)
def test_the_right_model_is_named_within_500_calls_and_nobody_before(family, tmp_path):
    measure, old, new = FAMILIES[family].measures()
    assert new < old, f"version 2 is better by its own measure, {measure}"
    with running(family, tmp_path, NESTED[family]) as chain:
        found = play(chain, tmp_path)
    assert 0 < found.named_after <= WITHIN
    assert found.blamed_wrongly == 0
    assert found.last.origin == FAMILIES[family].NAMES[0]
    # Known by traces, or by lineage where the caller keeps none.
    names = FAMILIES[family].NAMES
    assert {(edge.source, edge.target) for edge in found.last.edges} == set(pairwise(names))
    assert found.right_after < found.right_before
