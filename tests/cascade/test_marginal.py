"""Columns that moved: SciPy's distance, an upper bound of its p, and no false names."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from sidecar.cascade.marginal import distance, moved, p_of


def test_the_distance_is_scipys_and_p_is_an_upper_bound():
    random = np.random.default_rng(0)
    for shift in (0.0, 0.3, 1.0):
        ours, theirs = random.normal(size=150).tolist(), (shift + random.normal(size=90)).tolist()
        wanted = ks_2samp(ours, theirs, method="asymp")
        assert distance(ours, theirs) == pytest.approx(wanted.statistic)
        assert p_of(wanted.statistic, 150, 90) >= 0.99 * wanted.pvalue


def test_missing_values_and_labels_move_too():
    assert distance([1.0, 2.0] * 10, [1.0, None] * 10) == pytest.approx(0.5)
    assert distance(["a"] * 10, ["a", "b"] * 5) == pytest.approx(0.5)
    assert distance([None] * 3, [None] * 3) == 0.0


def test_only_what_moved_is_named_the_farthest_first():
    random = np.random.default_rng(1)
    before = [tuple(row) for row in random.normal(size=(300, 3)).tolist()]
    after = [(a, b + 0.8, c + 3.0) for a, b, c in random.normal(size=(200, 3)).tolist()]
    assert [one.column for one in moved(("x", "y", "z"), before, after)] == ["z", "y"]


def test_text_of_many_words_is_compared_with_itself():
    random = np.random.default_rng(2)
    words = [f"word{i}" for i in range(300)]
    rows = [(" ".join(random.choice(words, size=5)),) for _ in range(400)]
    assert moved(("text",), rows[:300], rows[300:]) == ()
    louder = [(text.upper(),) for (text,) in rows[300:]]
    assert [one.column for one in moved(("text",), rows[:300], louder)] == ["text"]


@pytest.mark.parametrize(("before", "after"), [(500, 250), (600, 400), (100, 400), (60, 60)])
@pytest.mark.parametrize("texts", [2, 20, 200, 10**9])
def test_texts_of_any_number_do_not_move_by_chance_and_are_named_when_they_do(texts, before, after):
    random = np.random.default_rng(3)
    rows = [(f"text-{i}",) for i in random.integers(texts, size=20 * (before + after)).tolist()]
    for start in range(0, len(rows), before + after):
        ours, theirs = rows[start : start + before], rows[start + before : start + before + after]
        assert moved(("text",), ours, theirs) == ()
    if texts < 10**9 and before >= 500:  # where all are different anyway, others are no news
        gone = [("elsewhere",) if i % 2 else row for i, row in enumerate(theirs)]
        assert [one.column for one in moved(("text",), ours, gone)] == ["text"]
