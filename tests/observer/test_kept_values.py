import numpy as np

from sidecar.cohort import KeptRow
from sidecar.features import Field, Schema
from sidecar.observer.kept_values import values

SCHEMA = Schema(
    (
        Field("n", "number", missing=True),
        Field("b", "boolean"),
        Field("c", "category", ("red", "blue")),
        Field("k", "constant", fill=3.0),
    )
)


def kept(*numbers: float, new: dict[str, str] | None = None) -> KeptRow:
    return KeptRow(1, "id", 0, 0.0, 0.5, "", "", np.array(numbers).tobytes(), new or {})


def test_values_are_as_the_model_got_them():
    assert values(kept(1.5, 1.0, 1.0, 3.0), SCHEMA) == [1.5, True, "blue", 3.0]
    assert values(kept(np.nan, 0.0, 0.0, 3.0), SCHEMA) == [None, False, "red", 3.0]


def test_a_category_that_the_reference_did_not_know_has_its_name_if_that_came_along():
    assert values(kept(0.0, 0.0, 2.0, 3.0), SCHEMA)[2] is None
    assert values(kept(0.0, 0.0, 2.0, 3.0, new={"c": "green"}), SCHEMA)[2] == "green"
