"""HBOS at the ends of its histogram: in the last bin while near, as in the rarest when far."""

from __future__ import annotations

import numpy as np

from sidecar.baseline.fitting import fit_detector
from sidecar.scoring.hbos import BLOCK_CELLS, Hbos

TRAIN = np.random.default_rng(0).normal(size=(400, 2)).round(2)


def test_every_edge_and_both_sides_of_what_counts_as_near():
    model = fit_detector("hbos", TRAIN, 0)
    edges = model.bin_edges_[:, 0]
    ends = np.array((edges[0] - np.diff(edges)[0] / 2, edges[-1] + np.diff(edges)[-1] / 2))
    places = np.concatenate((edges, ends))
    values = np.concatenate((places, np.nextafter(places, np.inf), np.nextafter(places, -np.inf)))
    rows = np.column_stack((values, np.zeros_like(values)))
    assert (Hbos.from_pyod(model).score_many(rows) == model.decision_function(rows)).all()


def test_rows_beyond_one_block_are_scored_alike():
    model = fit_detector("hbos", TRAIN, 0)
    rows = np.random.default_rng(1).normal(size=(BLOCK_CELLS // 22 + 100, 2)) * 2
    assert (Hbos.from_pyod(model).score_many(rows) == model.decision_function(rows)).all()
