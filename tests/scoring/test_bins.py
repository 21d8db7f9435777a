"""Counting in the reference's bins: each value where the edges say, counts that add up."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sidecar.scoring.bins import LADDER, Bins, ReferenceField


def field(*edges: float) -> ReferenceField:
    size = len(edges) + 2
    return ReferenceField("f", "number", edges, ("",) * size, (1 / size,) * size, 10)


BINS = Bins([field(0.0, 1.0), field(), field(-1.0)])
matrices = arrays(
    float,
    st.tuples(st.integers(0, 30), st.just(3)),
    elements=st.sampled_from([-2, -1, 0, 0.5, 1, 9, np.nan, np.inf]),
)


def test_a_value_on_an_edge_belongs_above_it_and_missing_ones_apart():
    column = np.array([-np.inf, -0.1, 0.0, 0.9, 1.0, np.inf, np.nan])
    assert Bins([field(0.0, 1.0)]).codes(column[:, None]).ravel().tolist() == [0, 0, 1, 1, 2, 2, 3]


def test_fields_stand_one_after_the_other():
    assert BINS.size == 4 + 2 + 3
    assert [(part.start, part.stop) for part in BINS.slices] == [(0, 4), (4, 6), (6, 9)]
    assert BINS.counts(np.array([[0.5, 0.5, 0.5]])).tolist() == [0, 1, 0, 0, 1, 0, 0, 1, 0]


@given(matrices, matrices)
def test_counts_of_parts_add_up_to_counts_of_the_whole(a, b):
    counts = BINS.counts(np.vstack((a, b)))
    assert (counts == BINS.counts(a) + BINS.counts(b)).all()
    assert [int(counts[part].sum()) for part in BINS.slices] == [len(a) + len(b)] * 3
    assert counts.dtype == np.int64


@given(matrices, st.integers(0, 2 * LADDER))
def test_few_edges_are_counted_as_many_are(values, edges):
    bounds = np.linspace(-2, 2, edges)
    fields = [field(*bounds), field(), field(*bounds[::2])]
    parts = zip(fields, Bins(fields).slices, values.T, strict=True)
    wanted = [
        np.searchsorted((*one.edges, np.nan), column, side="right") + part.start
        for one, part, column in parts
    ]
    np.testing.assert_array_equal(Bins(fields).codes(values).T, wanted)
