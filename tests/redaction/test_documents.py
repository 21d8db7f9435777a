"""Documents stay what they are: JSON is JSON afterwards, a form a form, a table a table."""

import base64
import csv
import io
import json

import pytest

from sidecar.redaction.documents import MAX_DEPTH, Rules, json_text, lines, pairs, table
from sidecar.redaction.patterns import PATTERNS
from tests.redaction.planted import NAMED, SECRETS, leaks

RULES = Rules(tuple(PATTERNS), named=True)


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("depth", [0, 1, 3])
def test_json_in_json(secret, depth):
    value: object = {"text": f"see {secret} now", "list": [[secret]], secret: 1}
    for _ in range(depth):
        value = {"inner": json.dumps(value)}
    clean = json_text(json.dumps(value).encode(), RULES, set())
    assert clean is not None
    assert leaks(clean) == []
    assert json.loads(clean).keys() == value.keys() or depth == 0


def test_escapes_hide_nothing():
    hidden = "".join(f"\\u{ord(char):04x}" for char in SECRETS["email"])
    clean = json_text(f'{{"a": "{hidden}"}}'.encode(), RULES, set())
    assert clean == b'{"a":"[redacted:email]"}'


def test_numbers_that_are_cards():
    marks: set[str] = set()
    clean = json_text(b'{"a": 4111111111111111, "b": 4111111111111111.0, "c": 17, "d": NaN}', RULES, marks)
    assert clean == b'{"a":"[redacted:card]","b":"[redacted:card]","c":17,"d":NaN}'
    assert marks == {"card"}


def test_names():
    clean = json_text(json.dumps({**NAMED, "max_tokens": 9, "nested": NAMED}).encode(), RULES, set())
    assert clean is not None
    assert leaks(clean) == []
    assert json.loads(clean)["max_tokens"] == 9
    numbers = b'{"pin":[1234,true],"cvv":123,"token":512,"user":{"ssn":78051120,"pin":1}}'
    assert json_text(numbers, RULES, set()) == (
        b'{"pin":["[redacted:named]",true],"cvv":"[redacted:named]","token":512,'
        b'"user":{"ssn":"[redacted:named]","pin":1}}'
    )


def test_base64_as_tensorflow_serving_takes_it():
    coded = base64.b64encode(SECRETS["email"].encode()).decode()
    body = json.dumps({"instances": [{"b64": coded}]}).encode()
    clean = json_text(body, RULES, set())
    assert clean is not None
    inside = json.loads(clean)["instances"][0]["b64"]
    assert base64.b64decode(inside) == b"*" * len(SECRETS["email"])


def test_too_deep_is_taken_out_unseen():
    body = b"[" * (MAX_DEPTH + 5) + b'"x"' + b"]" * (MAX_DEPTH + 5)
    clean = json_text(body, RULES, set())
    assert clean is not None
    assert b"[redacted:depth]" in clean
    assert json_text(b"[" * 100_000, RULES, set()) is None


def test_forms_keep_what_is_harmless_as_it_was():
    text = "a=1%202&email=jane.roe%40customer-mail.example&password=x+y&n=4111+1111+1111+1111"
    text += "&doc=%7B%22a%22:1%7D"
    assert pairs(text, RULES, set()) == (
        "a=1%202&email=[redacted:email]&password=[redacted:named]&n=[redacted:card]&doc=%7B%22a%22:1%7D"
    )


def test_tables_lose_a_column():
    rules = Rules((), columns=frozenset({"ssn"}))
    assert table("a,ssn\n1,078-05-1120\n", rules, set()) == "a,ssn\n1,\n"
    assert table("\ufeffssn,a\n078-05-1120,1\n", rules, set()) == "ssn,a\n,1\n"
    assert table(f"a,ssn\n{'x' * 200_000},078-05-1120\n", rules, set()) is None
    broken = table('a,ssn\n"one\rline",078-05-1120\n', rules, set())
    assert list(csv.reader(io.StringIO(broken, newline=""))) == [["a", "ssn"], ["one\rline", ""]]


def test_event_streams_line_by_line():
    stream = b'event: x\ndata: {"t": "\\u006aane.roe@customer-mail.example"}\n\ndata: [DONE]\n'
    clean = lines(stream, RULES, set())
    assert clean is not None
    assert leaks(clean) == []
    assert clean.startswith(b"event: x\ndata:{")
    assert lines(b"{broken", Rules(paths=(("a",),)), set()) is None
