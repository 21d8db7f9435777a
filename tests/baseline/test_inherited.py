"""A refit from fields: how dates, ids and texts are read stays, what is frequent is counted anew.

Texts are real questions (examples/data); dates, ids and amounts are drawn beside them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from examples.processes import ROOT
from sidecar.baseline import tables
from sidecar.baseline.fit import fit
from sidecar.baseline.inherited import inherit
from sidecar.cohort import KeptRow
from sidecar.errors import DataError
from sidecar.exchange import Features, Payload, Tensor
from sidecar.features import Schema, lay_out
from sidecar.observer.kept_values import NEW, fields
from sidecar.scoring.baseline import Baseline

QUESTIONS = [
    line.partition("\t")[2] for line in (ROOT / "examples/data/questions.tsv").read_text().splitlines()
]


def mixed(rows: int, seed: int, hours: tuple[int, int] = (8, 18)) -> list[dict[str, Any]]:
    """Rows of a date, an id, a text, a category and a number."""
    rng = np.random.default_rng(seed)
    return [
        {
            "asked": f"2026-0{rng.integers(1, 7)}-{rng.integers(1, 28):02} {rng.integers(*hours):02}:15:00",
            "order": f"{rng.choice(['DE', 'FR', 'PL'])}-{rng.integers(100_000, 999_999)}",
            "question": QUESTIONS[rng.integers(len(QUESTIONS))],
            "channel": str(rng.choice(["web", "app", "phone"], p=[0.6, 0.3, 0.1])),
            "amount": float(rng.gamma(2.0) * 20.0),
        }
        for _ in range(rows)
    ]


def payload(rows: list[dict[str, Any]]) -> Payload:
    columns = (Tensor(name, np.array([row[name] for row in rows], dtype=object)) for name in rows[0])
    return Payload("v1", tuple(columns))


def laid_out(rows: list[dict[str, Any]], schema: Schema) -> Features:
    return lay_out(payload(rows), schema)


def written(rows: list[dict[str, Any]], schema: Schema, file: Path) -> Path:
    """The rows' fields, as the observer writes them down for a refit."""
    values = laid_out(rows, schema).values
    kept = (KeptRow(i, "", 0, 0.0, 0.5, "", "", row.tobytes()) for i, row in enumerate(values))
    named = (dict(zip(schema.names, fields(one, schema), strict=True)) for one in kept)
    file.write_text("\n".join(map(json.dumps, named)))
    return file


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Baseline:
    folder = tmp_path_factory.mktemp("first")
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, mixed(900, 1))))
    return fit(folder / "rows.jsonl", folder / "baseline", ["ecod", "knn-500"]).baseline


@pytest.fixture(scope="module")
def second(first: Baseline, tmp_path_factory: pytest.TempPathFactory) -> Baseline:
    """Learned from fields of later rows, whose calls come in the evening."""
    folder = tmp_path_factory.mktemp("second")
    data = written(mixed(900, 2, hours=(12, 24)), first.schema, folder / "rows.jsonl")
    return fit(data, folder / "baseline", ["ecod", "knn-500"], like=Path(first.directory)).baseline


def test_live_calls_are_read_from_the_same_columns(first: Baseline, second: Baseline):
    assert second.schema.sources == first.schema.sources == tuple(mixed(1, 0)[0])
    assert second.schema.names == first.schema.names
    assert "asked hour" in second.schema.names


def test_categories_stand_by_how_frequent_they_are_now(first: Baseline, second: Baseline):
    old, new = (
        next(field for field in one.schema.fields if field.name == "asked hour") for one in (first, second)
    )
    assert set(new.categories) == set(old.categories)
    later = {"12h", "13h", "14h", "15h", "16h", "17h"}
    assert set(new.categories[:6]) == later
    reading = next(one for one in second.schema.readings if one.column == "asked")
    assert tuple(f"{hour:02}h" for hour in reading.hours) == new.categories


def test_a_row_has_the_same_fields_by_both_but_for_the_order_of_categories(first, second):
    rows = mixed(50, 3)
    old, new = (laid_out(rows, one.schema) for one in (first, second))
    for i, (before, now) in enumerate(zip(first.schema.fields, second.schema.fields, strict=True)):
        if before.categories:
            names = [
                [(*field.categories, NEW)[int(code)] for code in features.values[:, i]]
                for field, features in ((before, old), (now, new))
            ]
            assert names[0] == names[1]
        else:
            assert old.values[:, i].tolist() == new.values[:, i].tolist()


def flagged(rows: list[dict[str, Any]], baseline: Baseline) -> float:
    features = laid_out(rows, baseline.schema)
    assert not features.unscorable
    return float((np.array(baseline.score(features, 0.05).row_p) <= 0.05).mean())


def test_what_has_become_usual_is_no_longer_odd_and_the_rest_is(first: Baseline, second: Baseline):
    evening = mixed(400, 4, hours=(18, 24))
    assert flagged(evening, first) > 0.2, "an hour that the reference never had"
    assert flagged(evening, second) < 0.12
    usual = mixed(400, 5, hours=(12, 24))
    assert flagged(usual, second) < 0.12
    noise = [{**row, "question": "zxq}{ 0x9f;; zzkq<|>vv jjq#w"} for row in usual]
    shape = [{**row, "order": "'; DROP TABLE--"} for row in usual]
    for odd in (noise, shape):
        assert flagged(odd, second) > 0.4


def test_what_speaks_of_texts_themselves_is_taken_over_where_it_fits(first: Baseline, second: Baseline):
    letters = [name for name in first.clean if "letters" in name]
    assert letters
    assert all(np.array_equal(first.clean[name], second.clean[name]) for name in letters)
    assert first.printer is not None
    assert second.printer is None, (
        "its categories stand in another order, and prints were made by the old one"
    )


def test_prints_are_taken_over_where_all_fields_are_as_they_were(tmp_path: Path):
    rows = [{"question": row["question"], "amount": row["amount"]} for row in mixed(600, 6)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    old = fit(tmp_path / "rows.jsonl", tmp_path / "old", ["ecod"]).baseline
    data = written(rows[::-1], old.schema, tmp_path / "again.jsonl")
    new = fit(data, tmp_path / "new", ["ecod"], like=tmp_path / "old").baseline
    assert old.printer is not None
    assert new.printer is not None
    features = laid_out(rows[:20], old.schema)
    before, now = (one.printer.prints(features, payload(rows[:20])) for one in (old, new))
    assert before.tag == now.tag
    assert np.array_equal(before.points, now.points)


def test_a_field_without_values_is_refused(first: Baseline, tmp_path: Path):
    data = written(mixed(300, 7), first.schema, tmp_path / "rows.jsonl")
    table = tables.read(data)
    empty = {**table.columns, "order pattern": np.full(300, None, dtype=object)}
    with pytest.raises(DataError, match="field 'order pattern' has no values any more; fit from a file"):
        inherit(Path(first.directory), msgspec.structs.replace(table, columns=empty))


def test_a_plain_column_that_looks_like_another_kind_is_refused(first: Baseline, tmp_path: Path):
    data = written(mixed(300, 8), first.schema, tmp_path / "rows.jsonl")
    table = tables.read(data)
    other = {**table.columns, "channel": np.array([f"c{i}-{i}" for i in range(300)], dtype=object)}
    with pytest.raises(DataError, match="column 'channel' looks like dates, ids or texts now"):
        inherit(Path(first.directory), msgspec.structs.replace(table, columns=other))
