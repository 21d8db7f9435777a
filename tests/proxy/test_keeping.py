"""What leaves the data plane: the calls that are captured, by which weight, and nothing that is secret."""

import gzip
import json

import pytest

from sidecar.proxy.keeping import Keeping
from sidecar.settings import Settings
from tests.policy.documents import policy
from tests.proxy.dialogue import GET, OK, http, sidecar
from tests.redaction.planted import NAMED, SECRETS, leaks


def keeping(**settings):
    return Keeping(Settings(upstream="http://127.0.0.1:1", **settings))


@pytest.mark.parametrize("ids", [lambda i: f"{i:032x}", lambda i: f"{i * 0x9E3779B97F4A7C15 % 2**128:032x}"])
@pytest.mark.parametrize("rate", [0.01, 0.1, 0.5, 1.0])
def test_weights_add_up_to_all_calls(ids, rate):
    kept = keeping(capture="x", capture_rate=rate)
    weights = [kept.weight(ids(i), "normal", 200, "", "allow") for i in range(50_000)]
    assert sum(weights) == pytest.approx(50_000, rel=4 * ((1 - rate) / rate / 50_000) ** 0.5 + 1e-9)
    assert {weight for weight in weights if weight} == {1 / rate}


def test_whatever_is_odd_or_broke_is_kept():
    kept = keeping(capture="x", capture_rate=0.0)
    trace = "ab" * 16
    assert kept.weight(trace, "normal", 200, "", "allow") == 0.0
    assert kept.weight(trace, "outlier", 200, "", "allow") == 1.0
    assert kept.weight(trace, "adversarial", 200, "", "allow") == 1.0
    assert kept.weight(trace, "normal", 200, "client-gone", "allow") == 1.0
    assert kept.weight(trace, "unscored", 404, "", "allow") == 1.0
    assert kept.weight(trace, "normal", 200, "", "block") == 1.0
    assert kept.weight(trace, "normal", 200, "", "alert", keep=1.0) == 1.0


async def test_a_call_that_is_only_tagged_is_kept_as_any_other():
    rules = policy("{name: all, action: tag}", "{name: maybe, action: block, dry-run: true}")
    async with sidecar(capture="x", capture_rate=0.0, policies=rules) as stage:
        await stage.call(GET, OK)
        (record,) = await stage.records()
        assert (record.action, len(record.hits)) == ("tag", 2)
        assert (record.weight, record.captured) == (0.0, None)


async def test_an_alert_keeps_the_call_also_behind_a_tag():
    rules = policy("{name: all, action: tag}", "{name: look, action: alert}")
    async with sidecar(capture="x", capture_rate=0.0, policies=rules) as stage:
        await stage.call(GET, OK)
        (record,) = await stage.records()
        assert (record.action, record.weight) == ("tag", 1.0)


async def test_nothing_is_captured_unless_asked_for():
    async with sidecar() as stage:
        await stage.call(GET, OK)
        (record,) = await stage.records()
        assert (record.weight, record.captured) == (0.0, None)


async def test_bodies_of_any_format_are_cut_and_say_so():
    async with sidecar(capture="x", capture_rate=1.0, capture_body_bytes=100) as stage:
        body = b"x" * 5000
        request = http("POST / HTTP/1.1", "Host: m", "Cookie: secret", "Content-Length: 5000", body=body)
        await stage.call(request, http("HTTP/1.1 200 OK", "Set-Cookie: s", "Content-Length: 2", body=b"ok"))
        (record,) = await stage.records()
        kept = record.captured
        assert kept is not None
        assert record.weight == 1.0
        assert (kept.request_body, kept.request_truncated) == (b"x" * 100, True)
        assert (kept.response_body, kept.response_truncated) == (b"ok", False)
        assert (kept.request_headers, kept.response_headers) == ((), ())


async def test_only_fields_that_are_named_are_kept():
    async with sidecar(capture="x", capture_rate=1.0, capture_headers="x-tenant,user-agent") as stage:
        asked = ("Host: m", "X-Tenant: acme, jane@x.example", "Content-Type: text/plain", "User-Agent: a")
        answered = ("Content-Length: 0", "X-Tenant: acme", "X-Other: b")
        await stage.call(http("GET / HTTP/1.1", *asked), http("HTTP/1.1 200 OK", *answered))
        (record,) = await stage.records()
        assert record.captured is not None
        assert record.captured.request_headers == (
            (b"X-Tenant", b"acme, [redacted:email]"),
            (b"User-Agent", b"a"),
        )
        assert record.captured.response_headers == ((b"X-Tenant", b"acme"),)


async def test_calls_that_break_are_captured():
    async with sidecar(capture="x", capture_rate=0.0) as stage:
        caller, model = await stage.begin(
            http("POST /p HTTP/1.1", "Host: m", "Content-Length: 2", body=b"hi")
        )
        await model.send(http("HTTP/1.1 200 OK", "Content-Length: 20", body=b"half"))
        await caller.until(b"half")
        model.close()
        await caller.rest()
        (record,) = await stage.records()
        assert (record.weight, record.failure) == (1.0, "response-truncated")
        assert record.captured is not None
        assert (record.captured.request_body, record.captured.response_body) == (b"hi", b"half")
        assert record.captured.response_truncated


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
async def test_no_secret_leaves(secret):
    line = secret.replace("\n", "%0A").replace(" ", "%20")
    header = secret.replace("\n", " ")
    body = json.dumps(
        {"instances": [[1.0]], "note": secret, "inner": json.dumps({"deep": secret}), **NAMED}
    ).encode()
    async with sidecar(capture="x", capture_rate=1.0) as stage:
        for coded in (body, gzip.compress(body)):
            about = "Content-Encoding: gzip" if coded is not body else "X-Plain: 1"
            fields = (f"User-Agent: {header}", f"X-Custom: {header}", f"baggage: note={line}", about)
            length = f"Content-Length: {len(coded)}"
            path = f"/v1/models/m:predict?note={line}&password={NAMED['password']}"
            head = (f"POST {path} HTTP/1.1", "Host: m", "Content-Type: application/json", *fields, length)
            answer = http("HTTP/1.1 200 OK", "Content-Type: application/json", about, length, body=coded)
            await stage.call(http(*head, body=coded), answer)
        records = await stage.records(2)
        assert all(record.captured and "named" in record.captured.marks for record in records)
        assert leaks(repr(records).encode()) == []


async def test_a_record_without_secrets_is_not_made_anew():
    async with sidecar() as stage:
        for _ in range(2):
            await stage.call(GET, OK)
        records = tuple(await stage.records())
    kept = keeping()
    cleaned = kept.clean(records)
    assert all(now is before for now, before in zip(cleaned, records, strict=True))


async def test_card_numbers_do_not_leave_as_features():
    import struct

    from tests.observer.talk import record

    kept = keeping()
    features = struct.pack("<3d", 1.0, 4111111111111111.0, 4111111111111112.0)
    (clean,) = kept.clean((record(1, rows=1, features=features),))
    assert str(struct.unpack("<3d", clean.features)) == "(1.0, nan, 4111111111111112.0)"


def test_what_cannot_be_searched_is_left_out_and_spoils_nothing_else(monkeypatch, caplog):
    from sidecar.redaction import Redactor
    from tests.observer.talk import record

    kept = keeping()
    searched = Redactor.suspicious

    def fragile(self, data):
        if b"fragile" in data:
            raise RecursionError
        return searched(self, data)

    monkeypatch.setattr(Redactor, "suspicious", fragile)
    first, second = kept.clean((record(1, response_body=b"fragile " + SECRETS["email"].encode()), record(2)))
    assert leaks(repr(first).encode()) == []
    assert (first.status, first.target, first.response_body) == (200, "/", b"")
    assert second == record(2)
    assert "cannot be searched" in caplog.text


async def test_a_body_that_cannot_be_searched_is_not_captured(monkeypatch):
    from sidecar.redaction import Redactor

    monkeypatch.setattr(Redactor, "body", lambda *_, **__: 1 / 0)
    async with sidecar(capture="x", capture_rate=1.0, errors=1) as stage:
        await stage.call(GET, OK)
        (record,) = await stage.records()
        assert record.captured is not None
        assert (record.captured.response_body, record.captured.marks) == (b"", ("dropped:unreadable",))


def test_features_of_an_older_baseline_are_left_out():
    kept = keeping(redact="column:b")
    kept.blind(("a", "b"))
    assert kept.seen(bytes(24), 1) == b""
    assert kept.seen(b"", 1) == b""


def test_redacted_columns_are_missing_values():
    import struct

    kept = keeping(redact="column:b")
    kept.blind(("a", "b"))
    assert str(struct.unpack("<4d", kept.seen(struct.pack("<4d", 1, 2, 3, 4), 2))) == "(1.0, nan, 3.0, nan)"
