"""Measures what held-out texts of the reference are made of. Counterpart: `sidecar.defence.letters`."""

from __future__ import annotations

from sidecar.baseline.split import Parts
from sidecar.baseline.tables import Table
from sidecar.defence.letters import PREFIX, measures, text_columns
from sidecar.exchange import Features
from sidecar.features import Schema
from sidecar.scoring.detector import Arrays


def fit(table: Table, schema: Schema, features: Features, parts: Parts) -> Arrays:
    """An array for each column of texts: (rows, measures) of the calibration rows."""
    rows = parts.calibration
    return {
        f"{PREFIX}{i}": measures(
            table.columns[schema.sources[column.source]][rows], features.values[rows, column.oddest]
        )
        for i, column in enumerate(text_columns(schema))
    }
