"""The whole: what one setting takes out of targets, fields and bodies, and what it leaves alone."""

import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.redaction import redactor
from sidecar.redaction.redactor import MARGIN
from sidecar.settings import Settings
from tests.redaction.planted import NAMED, SECRETS, leaks

DEFAULT = redactor(Settings(upstream="http://127.0.0.1:1").redact)
JSON = b"application/json"


@pytest.mark.parametrize(
    "media", [JSON, b"text/plain", b"application/octet-stream", b"", b"text/csv", b"text/html"]
)
@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("coding", [b"", b"gzip"])
def test_no_body_keeps_a_secret(media, secret, coding):
    plain = (
        json.dumps({"a": [1, 2.5], "text": f"my {secret} ok"}).encode()
        if media == JSON
        else f"a {secret} b".encode()
    )
    body = gzip.compress(plain) if coding else plain
    found = DEFAULT.body(media, coding, body, 10_000)
    assert leaks(found.data) == []
    assert found.marks
    assert not found.truncated


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_a_cut_leaves_no_half_of_a_secret(secret):
    body = f"{'x ' * 40}{secret} and more".encode()
    for limit in range(70, 100):
        assert leaks(DEFAULT.body(b"text/plain", b"", body, limit).data) == []


LONG = "eyJ" + "a" * 700  # marked by fewer characters than it has
NDJSON = "".join(f'{{"t": "{text}"}}\n' for text in (LONG, "x " * 60, "y " * 60))
CUT = {
    b"text/event-stream": "data: " + NDJSON.replace("\n", "\ndata: "),
    b"application/x-ndjson": NDJSON,
    b"application/x-www-form-urlencoded": f"t={LONG}&a={'x+' * 60}&b={'y+' * 60}&",
    b"text/csv": f"t,u\n{LONG},1\n{'x ' * 60},1\n{'y ' * 60},1\n",
}
"""Type -> a body of parts, of which the first becomes shorter."""


@pytest.mark.parametrize("media", CUT)
def test_what_is_read_beyond_a_limit_is_not_kept_where_marks_are_shorter(media):
    limit = 1_000
    whole = (CUT[media] * 3 + "card=").encode()
    for cut in range(limit + 1, limit + MARGIN, 7):
        data = whole[: cut - 14] + b"4111 1111 1111"  # and two digits more, had it been read on
        found = DEFAULT.body(media, b"", data, limit, whole=False)
        assert found.truncated
        assert found.marks
        assert b"4111 1111 1111" not in found.data, cut
        assert b"eyJa" not in found.data


def test_a_table_loses_its_columns_whatever_its_first_cell_begins_with():
    by_column = redactor("column:ssn")
    for head in ("ssn,b", '"ssn","b"', "\ufeffssn,b", '\ufeff"ssn","b"'):
        found = by_column.body(b"text/csv", b"", f"{head}\n078-05-1120,2\n".encode(), 100)
        assert (found.data, found.marks) == (b"ssn,b\n,2\n", ("column",))


def test_clean_bodies_are_the_same_bytes():
    body = json.dumps({"instances": [[5.1, 3.5, 1.4, 0.2]], "name": "flight"}, indent=2).encode()
    found = DEFAULT.body(JSON, b"", body, 10_000)
    assert (found.data, found.marks, found.plain) == (body, (), False)


def test_what_cannot_be_read_is_dropped_and_says_so():
    assert DEFAULT.body(JSON, b"br", b"abc", 100).marks == ("dropped:content-encoding",)
    assert DEFAULT.body(b"text/plain; charset=utf-16", b"", "jane@x.example".encode("utf-16"), 100).marks == (
        "dropped:charset",
    )
    by_place = redactor("$.a")
    for media, body in ((JSON, b'{"a": "x'), (b"application/octet-stream", b"\x00a\x01")):
        found = by_place.body(media, b"", body, 100)
        assert (found.data, found.marks) == (b"", ("dropped:unreadable",))


def test_duplicate_keys_hide_nothing():
    found = DEFAULT.body(JSON, b"", b'{"a":"jane.roe@customer-mail.example","a":"ok"}', 1000)
    assert leaks(found.data) == []


@pytest.mark.parametrize("secret", [*SECRETS.values(), *NAMED.values()])
def test_no_target_keeps_a_secret(secret):
    from urllib.parse import quote, quote_plus

    name = next((key for key, value in NAMED.items() if value == secret), "q")
    for quoted in (quote(secret, safe=""), quote_plus(secret)):
        assert leaks(DEFAULT.target(f"/v1/m?a=1&{name}={quoted}&b=2").encode()) == []
        if name == "q":
            assert leaks(DEFAULT.target(f"/v1/{quoted}/m").encode()) == []


def test_targets_without_secrets_are_the_same():
    for target in ("/v1/models/m:predict", "/a%20b/c?x=1&y=%20z", "*", "/?"):
        assert DEFAULT.target(target) == target


@given(st.sampled_from(sorted(SECRETS)), st.text(max_size=40), st.text(max_size=40), st.booleans())
@settings(max_examples=300, deadline=None)
def test_whatever_stands_around_a_secret(name, before, after, escaped):
    text = f"{before} {SECRETS[name]} {after}"
    body = json.dumps({"x": text, "y": [1.5e-07, text]}, ensure_ascii=escaped).encode(
        "utf-8", "surrogatepass"
    )
    assert name not in leaks(DEFAULT.body(JSON, b"", body, 10_000).data)
    assert name not in leaks(
        DEFAULT.body(b"text/plain", b"", text.encode("utf-8", "surrogatepass"), 10_000).data
    )


@pytest.mark.parametrize(
    ("harmless", "secret"),
    [
        (b'{"a": 4111111111111112}', b'{"a": 4111111111111111}'),
        (b'{"a": [41111111, 11111111]}', b'{"a": 4111111111111111}'),
        (b'{"spin": "abc"}', b'{"s pin": "abc"}'),
        (b'{"xtokens": "abc"}', b'{"x.token": "abc"}'),
    ],
)
def test_what_was_harmless_once_hides_nothing_that_is_alike(harmless, secret):
    fresh = redactor(Settings(upstream="http://127.0.0.1:1").redact)
    for _ in range(2):
        assert json.loads(fresh.body(JSON, b"", harmless, 100).data) == json.loads(harmless)
        assert b"[redacted:" in fresh.body(JSON, b"", secret, 100).data


def test_numbers_of_any_kind_are_looked_at_once():
    fresh = redactor(Settings(upstream="http://127.0.0.1:1").redact)
    for value in (b"1", b"-2.5e-07", b"[0.25, 3]", b"12345678"):
        assert not fresh.suspicious(b'{"predictions": %b, "model": "m"}' % value)
    assert len(fresh._harmless) == 1


def test_limits():
    assert DEFAULT.body(b"text/plain", b"", b"x" * 100, 10) == (b"x" * 10, True, False, ())
    assert DEFAULT.body(b"text/plain", b"", b"x" * 10, 10, whole=False).truncated
    assert DEFAULT.body(b"", b"", b"", 10) == (b"", False, False, ())


def test_nothing_is_taken_out_when_nothing_is_asked_for():
    idle = redactor("none")
    assert idle.idle
    assert idle.body(b"text/plain", b"", SECRETS["email"].encode(), 100).data == SECRETS["email"].encode()


@pytest.mark.parametrize("setting", ["emial", "$", "$.a[", "column:", "email,$..", "x,y"])
def test_wrong_rules(setting):
    with pytest.raises(ValueError, match=r"names|path"):
        redactor(setting)
