import msgspec
import numpy as np
import pytest

from sidecar import cohort
from sidecar.cohort import Answer, Group, KeptRow, Question, Trait
from sidecar.projection import Column, Projection


def kept(serial, *values, **changes):
    row = KeptRow(serial, f"call-{serial}", 0, 1.5, 0.01, "m", "1", np.array(values, dtype="<f8").tobytes())
    return msgspec.structs.replace(row, **changes)


def test_questions_and_answers_survive_a_file():
    chart = Projection((Column(0, "rank", (0.0, 1.0), (0.0, 1.0)),), (0.5,), ((1.0,),), (1.0,))
    question = Question("dir", (kept(1, 0.5), kept(2, 1.5, new={"a": "é"})), b"12345678", chart)
    assert cohort.question(cohort.written(question)) == question
    trait = Trait("a", "number", 0.9, 0.1, "a between 1 and 2", 1.0, 2.0)
    answer = Answer((Group((1, 2), (1,), (trait,), 0.8, 0.1, 3),), chart, ((0.0, 1.0),), 50)
    assert cohort.answer(cohort.written(answer)) == answer
    assert trait.effect == pytest.approx(0.8)


def test_what_is_no_question_is_refused():
    for content in (b"", b"\x00", cohort.written(Answer(()))):
        with pytest.raises(msgspec.MsgspecError):
            cohort.question(content)


def test_rows_are_read_back_as_a_matrix_to_the_bit():
    rows = [kept(1, 0.1, float("nan")), kept(2, -0.0, 1e300)]
    matrix = cohort.values(rows, 2)
    assert matrix.tobytes() == b"".join(row.values for row in rows)
    assert cohort.values([], 2).shape == (0, 2)
    with pytest.raises(ValueError, match="reshape"):
        cohort.matrix(b"12345678", 2)
