import pytest

from sidecar.errors import UsageError
from sidecar.labels.said import Said, said


def test_what_is_said_of_a_class_and_of_a_quantity():
    assert said("class=label, score=p[1],positive=yes") == Said("label", "p[1]", "", "yes")
    assert said("value=price") == Said(value="price")
    assert said("") == Said()


@pytest.mark.parametrize("text", ["price", "value=", "klass=x", "value=price,score=p", "=x"])
def test_what_cannot_be_meant_is_refused(text):
    with pytest.raises(UsageError, match="prediction: "):
        said(text)
