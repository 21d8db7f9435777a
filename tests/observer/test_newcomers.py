import json

import msgspec
import numpy as np
import pytest

from sidecar.exchange import Payload, Tensor
from sidecar.features import Field, Schema, lay_out
from sidecar.observer.newcomers import NAME_LENGTH, new_categories
from tests.observer.talk import of_rows

SCHEMA = Schema((Field("amount", "number"), Field("country", "category", ("de", "fr"), missing=True)))


def call(*countries, codec="mlflow", **changes):
    """A call about orders, as it was scored and sent."""
    tensors = (
        Tensor("amount", np.ones(len(countries))),
        Tensor("country", np.array(countries, dtype=object)),
    )
    values = lay_out(Payload("mlflow", tensors), SCHEMA).values
    rows = [{"country": country, "amount": 1.0} for country in countries]
    body = json.dumps({"dataframe_records": rows}).encode()
    return of_rows(1, values, "b", codec=codec, target="/invocations", **{"request_body": body} | changes)


def test_a_new_category_is_called_as_in_the_body():
    record = call("de", "XX", None, "YY")
    assert [new_categories(record, row, SCHEMA) for row in range(4)] == [
        *({}, {"country": "XX"}, {}, {"country": "YY"})
    ]


def test_long_names_are_cut():
    assert new_categories(call("X" * 1000), 0, SCHEMA) == {"country": "X" * NAME_LENGTH}


@pytest.mark.parametrize("body", [b"", b"{", b'{"dataframe_records": [{"amount": 1}]}', b'{"other": 1}'])
def test_without_a_body_that_can_be_read_it_stays_nameless(body):
    assert new_categories(call("XX", request_body=body), 0, SCHEMA) == {}


def test_a_codec_that_is_not_known_any_more_is_no_error():
    assert new_categories(msgspec.structs.replace(call("XX"), codec=""), 0, SCHEMA) in (
        *({}, {"country": "XX"}),
    )
