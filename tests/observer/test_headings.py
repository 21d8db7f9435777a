"""Where embeddings point, against NumPy's own arithmetic and against simulation."""

import numpy as np
import pytest

from sidecar.observer.headings import (
    EXEMPLARS,
    GATHERED_BYTES,
    Gathering,
    Heading,
    Headings,
    compass,
    heading,
)


def cloud(dice, rows, numbers=32, spread=1.0, centre=None):
    """Embeddings around a centre."""
    centre = np.ones(numbers) if centre is None else centre
    return centre + spread * dice.normal(size=(rows, numbers))


def cosine(a, b):
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_cosines_are_numpys():
    dice = np.random.default_rng(1)
    reference, later = cloud(dice, 50), cloud(dice, 20, spread=3.0)
    mean = np.mean(reference / np.linalg.norm(reference, axis=1, keepdims=True), axis=0)
    found = heading(reference)
    assert found.rows == 50
    assert found.cosines(later) == pytest.approx([cosine(one, mean) for one in later])
    other = np.mean(later / np.linalg.norm(later, axis=1, keepdims=True), axis=0)
    assert found.cosine(heading(later)) == pytest.approx(cosine(mean, other))


@pytest.mark.parametrize("centre", [0.0, 0.1, 1.0])
def test_the_next_ones_have_the_law_of_those_that_are_no_part_of_the_compass(centre):
    dice = np.random.default_rng(3)
    first, *others = (cloud(dice, 2000, 256, centre=np.full(256, centre)) for _ in range(3))
    found = compass(first)
    for law in (found.cosines, found.nearest):
        ours, theirs = map(law, others)
        assert np.mean(ours) == pytest.approx(np.mean(theirs), abs=5 * np.std(theirs) / 2000**0.5)
        assert np.std(ours) == pytest.approx(np.std(theirs), rel=0.1)


def test_the_nearest_exemplar_is_numpys_and_one_embedding_has_one_value():
    dice = np.random.default_rng(10)
    found, later = compass(cloud(dice, 200)), cloud(dice, 30)
    assert len(found.exemplars) == EXEMPLARS
    expected = [max(cosine(one, x) for x in found.exemplars) for one in later]
    assert found.nearest(later) == pytest.approx(expected, abs=1e-6)
    assert found.cosines(later).tolist() == [found.cosines(one[None, :])[0] for one in later]
    assert found.nearest(later).tolist() == [found.nearest(one[None, :])[0] for one in later]


def test_where_nothing_points_anywhere_nothing_is_near():
    nowhere = compass(np.zeros((3, 2)))
    assert np.isnan(nowhere.nearest(np.eye(2))).all()
    found = compass(np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 2.0]]))
    assert found.exemplars.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert np.isnan(found.nearest(np.ones((1, 3)))).all()
    assert np.isnan(found.nearest(np.zeros((1, 2)))).all()
    assert found.cosines(np.ones((1, 2))).tolist() == [1.0]


@pytest.mark.parametrize("spread", [1.0, 4.0, 12.0])
@pytest.mark.parametrize("rows", [50, 500])
def test_what_chance_alone_does_to_the_mean_is_told(spread, rows):
    dice = np.random.default_rng(4)
    reference = heading(cloud(dice, 500, 64, spread))
    told = reference.expected(rows)
    found = [reference.cosine(heading(cloud(dice, rows, 64, spread))) for _ in range(60)]
    assert np.mean(found) == pytest.approx(told, abs=0.05)
    assert heading(cloud(dice, 4000, 64, spread)).concentration == pytest.approx(
        reference.concentration, abs=0.02
    )


def test_nothing_is_told_of_nothing():
    empty, one = Heading(0, np.zeros(2)), heading(np.array([[1.0, 0.0]]))
    assert (empty.concentration, one.concentration, one.expected(5), empty.expected(5)) == (
        0.0,
        0.0,
        0.0,
        0.0,
    )
    assert np.isnan(one.cosine(empty))
    assert heading(np.zeros((3, 2))).rows == 0
    assert np.isnan(one.cosines(np.array([[0.0, 0.0], [1.0, 0.0]]))).tolist() == [True, False]
    assert np.isnan(one.cosines(np.ones((2, 3)))).all()


def test_headings_of_parts_are_those_of_the_whole():
    vectors = cloud(np.random.default_rng(5), 40)
    both = heading(vectors[:15]).merge(heading(vectors[15:]))
    assert (both.rows, both.total) == (40, pytest.approx(heading(vectors).total))
    shorter = heading(vectors[:, :5])
    assert both.merge(shorter) is shorter or both.merge(shorter) is both


def test_the_window_holds_the_latest_rows_and_goes_on_from_what_was_kept():
    dice = np.random.default_rng(6)
    headings = Headings(heading(cloud(dice, 100)), compass(cloud(dice, 50)), 100, 60.0)
    turned = cloud(dice, 400, centre=-np.ones(32))
    for at in range(0, 400, 5):
        headings.update(turned[at : at + 5], at / 100)
    found = headings.snapshot(4.0)
    assert 90 <= found.rows <= 100
    assert found.total == pytest.approx(heading(turned[-found.rows :]).total)
    assert headings.reference.cosine(found) < -0.9
    again = Headings(Heading(0, np.zeros(32)), compass(np.zeros((1, 32))), 100, 60.0)
    again.restore(headings.keep())
    assert again.compass is headings.compass
    assert again.snapshot(4.0).total.tolist() == found.total.tolist()
    assert again.snapshot(100.0).rows == 0


def test_embeddings_are_gathered_by_their_rows_within_the_memory():
    gathering = Gathering()
    rows = np.arange(6.0).reshape(3, 2)
    gathering.update(rows, np.eye(3))
    known, vectors = gathering.found(np.array([[2.0, 3.0], [9.0, 9.0], [0.0, 1.0], [2.0, 3.0]]))
    assert known.tolist() == [True, False, True, True]
    assert vectors.tolist() == [[0, 1, 0], [1, 0, 0], [0, 1, 0]]
    wide = GATHERED_BYTES // 8
    gathering.update(rows + 10, np.ones((3, wide)))
    assert gathering.found(rows + 10)[0].tolist() == [False, True, True]
    assert gathering.found(rows)[0].tolist() == [False, False, False]
    gathering.update(rows + 10, np.eye(3))
    assert gathering.found(rows + 10)[0].tolist() == [True, True, True]


def test_nothing_points_nowhere():
    found = compass(np.empty((0, 0)))
    assert (found.mean.rows, len(found.exemplars)) == (0, 0)
    assert np.isnan(found.cosines(np.ones((2, 3)))).all()
    assert np.isnan(found.nearest(np.ones((2, 3)))).all()
