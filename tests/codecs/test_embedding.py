"""Embeddings: norms and cosines, from numbers or base64, and what moves when they turn."""

import base64

import numpy as np
import pytest

from sidecar.codecs.embedding import DIRECTIONS, matrix, measured
from sidecar.errors import Undecodable


def columns(vectors):
    return {tensor.name: tensor.data for tensor in measured(matrix(vectors))}


def test_norms_and_cosines():
    found = columns([[3.0, 4.0, 0.0], [0.0, 0.0, 2.0]])
    assert found["embedding norm"].tolist() == [5.0, 2.0]
    assert len(found) == 1 + DIRECTIONS
    for i in range(DIRECTIONS):
        assert np.all(np.abs(found[f"embedding direction {i + 1}"]) <= 1.0)


def test_a_cosine_knows_no_length_and_base64_is_the_same():
    vector = np.random.default_rng(1).normal(size=384).astype("<f4")
    plain, longer = columns([vector.tolist()]), columns([(7 * vector).tolist()])
    coded = columns([base64.b64encode(vector.tobytes()).decode()])
    for name in plain:
        if name != "embedding norm":
            assert longer[name] == pytest.approx(plain[name], abs=2e-6)
        assert coded[name] == pytest.approx(plain[name], abs=1e-5)


def test_embeddings_that_turn_as_a_whole_move_some_direction():
    dice = np.random.default_rng(2)
    before = dice.normal(size=384) + 0.5 * dice.normal(size=(300, 384))
    after = dice.normal(size=384) + 0.5 * dice.normal(size=(300, 384))  # another centre, as of another model
    one, other = columns(before.tolist()), columns(after.tolist())
    shift = [
        abs(one[name].mean() - other[name].mean()) / one[name].std()
        for name in one
        if name != "embedding norm"
    ]
    assert max(shift) > 1.0
    again = columns((before.mean(0) + 0.5 * dice.normal(size=(300, 384))).tolist())
    assert (
        max(abs(one[n].mean() - again[n].mean()) / one[n].std() for n in one if n != "embedding norm") < 0.3
    )


def test_a_vector_of_nothing_has_no_direction():
    assert np.isnan(columns([[0.0, 0.0]])["embedding direction 1"][0])


@pytest.mark.parametrize("bad", [None, [], ["a"], "*", "", {}, [[1.0]], [True], "YQ=="])
def test_what_is_no_embedding_is_refused(bad):
    with pytest.raises(Undecodable, match="malformed-embedding"):
        matrix([bad])


def test_embeddings_of_different_sizes_are_refused():
    with pytest.raises(Undecodable, match="ragged-rows"):
        matrix([[1.0], [1.0, 2.0]])
