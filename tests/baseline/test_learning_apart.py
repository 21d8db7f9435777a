"""No row is read by what was learned from it, so p-values of real prose keep their promise."""

from __future__ import annotations

import json
import random
from pydoc_data.topics import topics

import numpy as np

from sidecar.baseline import learning_apart
from sidecar.baseline.fit import fit
from sidecar.baseline.schema import infer
from sidecar.baseline.tables import read
from sidecar.exchange import Payload, Tensor
from sidecar.features import lay_out
from sidecar.scoring.baseline import load

LINES = [line.strip() for text in topics.values() for line in text.splitlines() if len(line.strip()) >= 30]
random.Random(0).shuffle(LINES)
LINES = list(dict.fromkeys(LINES))


def saved(tmp_path, lines):
    file = tmp_path / "lines.jsonl"
    file.write_text("\n".join(json.dumps({"text": line}) for line in lines))
    return file


def sent(lines):
    return Payload("test", (Tensor("text", np.array(lines, dtype=object)),))


def test_fit_rows_look_as_odd_as_held_out_ones_and_live_ones(tmp_path):
    table = read(saved(tmp_path, LINES[:2000]))
    schema, _ = infer(table)
    fitted = np.arange(1000)
    learned, features = learning_apart.lay_out(table, schema, learning_apart.laid_out(table, schema), fitted)
    live = lay_out(sent(LINES[2000:3000]), learned).matrix
    known = lay_out(sent(LINES[:1000]), learned).matrix
    rows = (features.matrix[:1000], features.matrix[1000:], live, known)
    own, held_out, unseen, in_sample = (part[:, 1].mean() for part in rows)
    assert abs(held_out - unseen) < 0.3 * (unseen - in_sample)
    assert abs(own - unseen) < 0.6 * (unseen - in_sample)


def test_tables_without_text_are_laid_out_once(tmp_path):
    file = tmp_path / "t.jsonl"
    file.write_text('{"a": 1}\n{"a": 2}\n')
    table = read(file)
    schema, _ = infer(table)
    features = learning_apart.laid_out(table, schema)
    assert learning_apart.lay_out(table, schema, features, np.arange(1)) == (schema, features)


def test_a_threshold_flags_as_many_lines_as_promised(tmp_path):
    fit(saved(tmp_path, LINES[:3000]), tmp_path / "b", ["ecod", "knn-500"])
    baseline = load(tmp_path / "b")
    p = np.array(baseline.score(lay_out(sent(LINES[3000:6000]), baseline.schema), 0.05).row_p)
    assert 0.03 <= (p <= 0.05).mean() <= 0.07
    noise = ["".join(random.Random(i).sample(line, len(line))) for i, line in enumerate(LINES[3000:3300])]
    odd = np.array(baseline.score(lay_out(sent(noise), baseline.schema), 0.05).row_p)
    assert (odd <= 0.05).mean() > 0.8
