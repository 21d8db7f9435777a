import numpy as np
import pytest

from sidecar.codecs.embedding import measured
from sidecar.observer import headings
from sidecar.observer.headings import COSINE, NEAREST
from sidecar.observer.outputs import LABELS, OUTPUTS, Embedded, Outputs

RANDOM = np.random.default_rng(0)


def numbers(rows, shift=0.0):
    return {"price": RANDOM.normal(size=rows) + shift}


def texts(*labels):
    return {"class": np.array(labels, dtype=object)}


def field(outputs, i=0, now=0.0):
    window = outputs.window
    counts = window.snapshot(now).summary.counts[window.bins.slices[i]]
    return window.fields[i], dict(zip(window.fields[i].labels, counts.tolist(), strict=True))


def test_there_is_nothing_to_compare_with_before_the_first_window_is_full():
    outputs = Outputs(100, 3600.0)
    for _ in range(90):
        outputs.update([numbers(1)], 0.0)
    assert not outputs.cut
    assert field(outputs)[1] == {"any": 90, "missing": 0}


def test_the_first_full_window_is_the_reference_of_the_next():
    outputs = Outputs(100, 3600.0)
    first = [numbers(10) for _ in range(10)]
    for answer in first:
        outputs.update([answer], 0.0)
    values = np.concatenate([answer["price"] for answer in first])
    assert outputs.cut
    price, counts = field(outputs)
    assert (price.rows, price.min, price.max) == (100, values.min(), values.max())
    assert set(counts.values()) == {10, 0}
    assert counts["missing"] == 0
    outputs.update([numbers(95, shift=100.0)], 0.0)
    counts = list(field(outputs)[1].values())
    assert counts[-2] >= 95


def test_where_calls_are_few_the_first_window_is_over_with_its_time():
    outputs = Outputs(1000, 3600.0)
    for minute in range(65):
        outputs.update([numbers(1)], 60.0 * minute)
    assert outputs.cut
    rare = Outputs(1000, 3600.0)
    for hour in range(65):
        rare.update([numbers(1)], 3600.0 * hour)
    assert not rare.cut


def test_texts_are_ranked_by_first_appearance_and_unknown_ones_are_new_once_the_window_is_full():
    outputs = Outputs(20, 3600.0)
    outputs.update([texts("cat", "dog", "cat", None)] * 5, 0.0)
    assert outputs.cut
    assert field(outputs)[1] == {"cat": 10, "dog": 5, "new": 0, "missing": 5}
    outputs.update([texts("cow", "dog")], 0.0)
    assert field(outputs)[1]["new"] == 1
    assert outputs.window.total.rows == 22


def test_texts_without_end_are_bounded():
    outputs = Outputs(1000, 3600.0)
    outputs.update([texts(*(f"{i} {'word ' * 100}" for i in range(1000)))], 0.0)
    classes, counts = field(outputs)
    assert len(classes.labels) == LABELS + 2
    assert counts["new"] == 1000 - LABELS
    assert max(map(len, classes.labels)) <= 128


def test_answers_of_another_shape_are_counted_and_left_out():
    outputs = Outputs(100, 3600.0)
    outputs.update([numbers(3), {"other": np.zeros(2)}, {"price": np.zeros(1), "more": np.zeros(1)}], 0.0)
    assert outputs.other_shape == 3
    assert outputs.window.total.rows == 3


def test_text_where_a_number_was_is_missing():
    outputs = Outputs(100, 3600.0)
    outputs.update([numbers(2), {"price": np.array(["high"], dtype=object)}], 0.0)
    assert field(outputs)[1] == {"any": 2, "missing": 1}


def test_of_an_embedding_only_the_first_columns_have_windows():
    outputs = Outputs(100, 3600.0)
    outputs.update([{f"e[{i}]": np.zeros(4) for i in range(768)}], 0.0)
    assert len(outputs.window.fields) == OUTPUTS


def test_restored_outputs_go_on_with_the_same_reference():
    outputs, again = Outputs(20, 3600.0), Outputs(20, 3600.0)
    assert outputs.keep() is None
    outputs.update([texts("cat", "dog")] * 10, 0.0)
    again.restore(outputs.keep())
    for one in (outputs, again):
        one.update([texts("cow", "dog")], 1.0)
    assert field(outputs) == field(again)
    assert again.cut


def embedded(dice, rows, centre):
    vectors = centre + dice.normal(size=(rows, len(centre)))
    return Embedded({tensor.name: tensor.data for tensor in measured(vectors)}, vectors)


def test_embeddings_have_their_cosine_with_the_first_window_s_mean():
    dice, centre = np.random.default_rng(7), np.ones(24)
    outputs = Outputs(100, 3600.0)
    first = [embedded(dice, 5, centre) for _ in range(20)]
    for answer in first:
        outputs.update([answer], 0.0)
    assert outputs.cut
    cosine, nearest = outputs.window.fields[-2:]
    assert (nearest.name, nearest.probabilities[-1]) == (NEAREST, 0.0)
    assert (cosine.name, cosine.rows, cosine.probabilities[-1]) == (COSINE, 80, 0.0)
    mean = outputs.headings.compass.mean
    assert (mean.rows, outputs.headings.reference.rows) == (20, 100)
    vectors = np.concatenate([answer.vectors for answer in first])
    each = vectors @ mean.total / np.linalg.norm(vectors, axis=1) / np.linalg.norm(mean.total)
    assert cosine.min in np.round(each, 6)
    assert cosine.mean == pytest.approx(np.mean(each), abs=0.05)
    later = embedded(dice, 50, -centre)
    outputs.update([later], 1.0)
    turned = outputs.window.snapshot(1.0).summary.sample.rows[:, -2]
    expected = later.vectors @ mean.total / np.linalg.norm(later.vectors, axis=1) / np.linalg.norm(mean.total)
    assert np.sort(turned)[:50] == pytest.approx(np.sort(expected), abs=1e-6)
    assert outputs.headings.snapshot(1.0).rows == 100


def test_a_text_that_comes_again_and_again_is_no_drift():
    dice, centre = np.random.default_rng(12), np.zeros(24)
    texts = embedded(dice, 8, centre).vectors
    outputs = Outputs(200, 3600.0)

    def ask(calls, texts_each):
        for _ in range(calls):
            vectors = texts[dice.integers(len(texts), size=texts_each)]
            columns = {tensor.name: tensor.data for tensor in measured(vectors)}
            outputs.update([Embedded(columns, vectors)], 0.0)

    ask(200, 1)
    assert outputs.cut
    reference = [set(np.flatnonzero(field.probabilities)) for field in outputs.window.fields]
    ask(60, 7)
    counts = outputs.window.total.counts
    for i, filled in enumerate(reference):
        assert set(np.flatnonzero(counts[outputs.window.bins.slices[i]])) == filled


def test_of_embeddings_a_first_window_that_was_interrupted_begins_anew_and_a_full_one_goes_on():
    dice, centre = np.random.default_rng(8), np.ones(24)
    outputs = Outputs(100, 3600.0)
    outputs.update([embedded(dice, 60, centre)], 0.0)
    again = Outputs(100, 3600.0)
    again.restore(outputs.keep())
    assert again.window is None
    outputs.update([embedded(dice, 60, centre)], 0.0)
    again.restore(outputs.keep())
    again.update([embedded(dice, 1, centre)], 0.0)
    assert again.cut
    assert again.window.total.rows == outputs.window.total.rows + 1
    assert again.headings.reference.rows == outputs.headings.reference.rows


def test_where_calls_are_few_the_first_window_knows_its_own_embeddings(monkeypatch):
    dice, centre = np.random.default_rng(8), np.ones(24)
    monkeypatch.setattr(headings, "GATHERED_BYTES", 70 * 24 * 4)
    outputs = Outputs(100, 10.0)
    for second in range(200):
        outputs.update([embedded(dice, 1, centre)], float(second))
    assert not outputs.cut
    outputs.update([embedded(dice, 60, centre)], 200.0)
    assert outputs.cut
    assert outputs.headings.reference.rows == outputs.headings.snapshot(200.0).rows >= 60


def test_embeddings_of_another_length_have_no_cosine():
    dice = np.random.default_rng(9)
    outputs = Outputs(60, 3600.0)
    outputs.update([embedded(dice, 60, np.ones(24))], 0.0)
    outputs.update([embedded(dice, 5, np.ones(12))], 0.0)
    assert [field(outputs, i)[1]["missing"] for i in (9, 10)] == [5, 5]
