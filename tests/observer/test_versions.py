import pytest

from sidecar.observer.versions import Versions
from tests.observer.talk import record

V2 = {"codec": "v2", "target": "/v2/models/iris/infer", "model": "iris"}
SAYS = b'{"model_name":"iris","model_version":"7","outputs":[{"name":"y","shape":[1],"data":[1.5]}]}'
HEADER = ((b"Content-Type", b"application/json"), (b"X-Model-Version", b" 2026-11-24 "))


@pytest.mark.parametrize(
    ("changes", "version"),
    [
        ({"version": "3", **V2, "response_body": SAYS, "response_headers": HEADER}, "3"),
        ({**V2, "response_body": SAYS, "response_headers": HEADER}, "7"),
        ({**V2, "response_body": b'{"outputs":[]}', "response_headers": HEADER}, "2026-11-24"),
        ({"response_headers": HEADER}, "2026-11-24"),
        ({"response_body": b'{"predictions": [{"model_version": "9"}]}'}, "usual"),
        ({**V2, "response_body": b" " * 2000 + SAYS}, "usual"),
        ({**V2, "response_body": b'{"model_version": 7}'}, "usual"),
        ({**V2, "response_body": b'{"model_version": "' + b"x" * 500 + b'"}'}, "usual"),
        ({"codec": "", "response_headers": HEADER}, ""),
    ],
)
def test_the_first_that_says_anything_is_believed(changes, version):
    (found,) = Versions("x-model-version", "usual").named([record(0, **changes)])
    assert found.version == version


def test_records_that_need_no_name_are_left_alone():
    records = [record(i, version="1") for i in range(3)]
    assert Versions("x-model-version", "").named(records) is records
    mixed = [record(0), record(1, response_headers=HEADER)]
    found = Versions("X-Model-Version", "").named(mixed)
    assert [one.version for one in found] == ["", "2026-11-24"]
    assert found[0] is mixed[0]


def test_no_header_is_read_where_none_is_wanted():
    (found,) = Versions("", "b").named([record(0, response_headers=HEADER)])
    assert found.version == "b"
