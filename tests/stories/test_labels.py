"""The truth moves, and only the truth: labels pushed by request id say so, and so does every answer's header.

A real model of handwritten digits behind a real sidecar. Somebody looks at the digits and pushes what they
are, with the command; after a while other people do, who call most of them something else.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from examples.traffic import Caller
from tests.stories.test_cohorts import PREDICT, Digits, Rows, served, sidecar

WINDOW = 300

BATCH = 50
"""Rows of a call. Few calls, so that every answer is read on a slow machine, too."""


def test_concept_drift_is_told_by_pushed_labels_and_never_before(tmp_path: Path, start_sidecar) -> None:
    X, y = load_digits(return_X_y=True)
    shuffle = np.random.default_rng(0)
    order = shuffle.permutation(len(y))
    everything = Rows(X[order].astype(np.float64), y[order])
    train, traffic = everything.part(slice(0, 700)), everything.part(slice(700, 1600))
    reference, baseline = tmp_path / "train.npz", tmp_path / "baseline"
    np.savez(reference, X=train.X)
    sidecar("fit", "--data", str(reference), "--out", str(baseline), "--detectors", "ecod")

    model = Digits(train.part(slice(0, 60)))  # few, so that it errs as models do
    with served(model):
        flags = ("--baseline", str(baseline), "--window-rows", str(WINDOW))
        watched = start_sidecar(model.url, *flags)

        def push(first: int, labels: np.ndarray) -> str:
            file = tmp_path / f"labels-{first}.csv"
            with file.open("w", newline="") as out:
                lines = csv.writer(out)
                lines.writerow(["id", "row", "label"])
                numbers = enumerate(labels, first)
                lines.writerows([f"call-{i // BATCH}", i % BATCH, label] for i, label in numbers)
            return sidecar("labels", "push", str(file), "--admin", watched.admin_url)

        with Caller(watched.url) as caller:
            states = []

            def ask(rows: range) -> None:
                for i in rows[::BATCH]:
                    body = json.dumps({"instances": traffic.X[i : i + BATCH].tolist()}).encode()
                    answer = caller.post(PREDICT, body, {"x-request-id": f"call-{i // BATCH}"})
                    assert answer.status == 200
                    states.append(answer.drift)

            told = push(0, traffic.y[:600])
            assert "wait for their call" in told, "labels may come first"
            ask(range(600))
            ask(range(600, 900))
            assert set(states) <= {"unknown", "stable"}, "no alarm before anything moved"

            other = np.where(shuffle.random(300) < 0.8, (traffic.y[600:] + 1) % 10, traffic.y[600:])
            told = push(600, other)
            assert "Pushed 300 labels" in told
            watched.process.wait_until(lambda: drifted(caller, traffic.X[0]))
            states.clear()
            ask(range(1))
            assert states == ["concept-drift"]


def drifted(caller: Caller, row: np.ndarray) -> bool:
    """Whether an answer says so by now."""
    answer = caller.post(PREDICT, json.dumps({"instances": [row.tolist()]}).encode())
    state = answer.headers.get("x-drift-state", "")
    return state.startswith('concept-drift; label="predictions"; since=@')
