"""What a head means, row by row. The dialogues have the rest: `test_passing.py`, `test_smuggling.py`."""

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import CallFailed
from sidecar.exchange import Headers
from sidecar.proxy.heads import (
    HOP_BY_HOP,
    OURS,
    RequestHead,
    ResponseHead,
    origin_form,
    request_head,
    response_head,
    trailers,
)

DROPPED = HOP_BY_HOP | OURS
HOST = (b"Host", b"m")


def request(*fields: tuple[bytes, bytes], method: bytes = b"GET", version: str = "1.1") -> RequestHead:
    return request_head(method, b"/", version, (HOST, *fields), DROPPED)


def response(
    status: int, *fields: tuple[bytes, bytes], to: RequestHead | None = None, version: str = "1.1"
) -> ResponseHead:
    return response_head(status, b"", version, fields, to or request(), DROPPED)


CHUNKED = (b"Transfer-Encoding", b"chunked")
TEN = (b"Content-Length", b"10")
CLOSE = (b"Connection", b"close")
KEEP = (b"Connection", b"keep-alive")


# -- requests --------------------------------------------------------------------------------------

BODIES = {
    # name: (fields, length, chunked)
    "none": ((), -1, False),
    "length": ((TEN,), 10, False),
    "empty": (((b"Content-Length", b"0"),), 0, False),
    "chunks": ((CHUNKED,), -1, True),
}


@pytest.mark.parametrize(("fields", "length", "chunked"), BODIES.values(), ids=BODIES)
def test_the_body_of_a_request(fields, length, chunked):
    head = request(*fields, method=b"POST")
    assert (head.length, head.chunked) == (length, chunked)


KEEPS = {
    # name: (version, fields, whether the connection is kept)
    "1.1": ("1.1", (), True),
    "1.1 close": ("1.1", (CLOSE,), False),
    "1.1 Close": ("1.1", ((b"connection", b"Close"),), False),
    "1.1 close among others": ("1.1", ((b"Connection", b"x, close"),), False),
    "1.1 close in a second field": ("1.1", (KEEP, CLOSE), False),
    "1.0": ("1.0", (), False),
    "1.0 keep-alive": ("1.0", (KEEP,), True),
    "1.0 both": ("1.0", ((b"Connection", b"keep-alive, close"),), False),
}


@pytest.mark.parametrize(("version", "fields", "keeps"), KEEPS.values(), ids=KEEPS)
def test_whether_the_callers_connection_is_kept(version, fields, keeps):
    assert request(*fields, version=version).keep_alive == keeps


@pytest.mark.parametrize(("version", "fields", "keeps"), KEEPS.values(), ids=KEEPS)
def test_whether_the_models_connection_is_kept(version, fields, keeps):
    assert response(200, TEN, *fields, version=version).keeps == keeps


REPEATABLE = {
    "GET": True,
    "HEAD": True,
    "PUT": True,
    "DELETE": True,
    "POST": False,
    "PATCH": False,
    "LOCK": False,
}


@pytest.mark.parametrize("method", REPEATABLE)
def test_what_may_be_sent_again(method):
    assert request(method=method.encode()).repeatable == REPEATABLE[method]
    assert not request(TEN, method=method.encode()).repeatable
    assert not request(CHUNKED, method=method.encode()).repeatable


def test_what_records_keep_of_the_fields():
    head = request(
        (b"User-Agent", b"u"), (b"Cookie", b"secret"), (b"content-TYPE", b"a/b"), (b"Authorization", b"s")
    )
    assert head.recorded == ((b"User-Agent", b"u"), (b"content-TYPE", b"a/b"))


def test_expectations_are_seen():
    assert request((b"Expect", b"100-continue")).expects
    assert not request().expects


UPGRADES = {
    # name: (fields, protocol)
    "asked for": (((b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")), b"websocket"),
    "not named by Connection": (((b"Upgrade", b"websocket"),), b""),
    "nothing to upgrade to": (((b"Connection", b"upgrade"),), b""),
    "h2c": (((b"Connection", b"upgrade"), (b"Upgrade", b"h2c")), b""),
    "h2c among others": (((b"Connection", b"upgrade"), (b"Upgrade", b"websocket, H2C")), b""),
}


@pytest.mark.parametrize(("fields", "protocol"), UPGRADES.values(), ids=UPGRADES)
def test_upgrades(fields, protocol):
    assert request(*fields).upgrade == protocol


TARGETS = {
    # target: (what goes on, authority)
    b"/": (b"/", b""),
    b"*": (b"*", b""),
    b"//evil/x": (b"//evil/x", b""),
    b"http://h": (b"/", b"h"),
    b"http://h/": (b"/", b"h"),
    b"HTTPS://h:8/a?b#c": (b"/a?b#c", b"h:8"),
    b"http://h?q": (b"/?q", b"h"),
    b"http://u@v@h/": (b"/", b"h"),
    b"http://[::1]:8/x": (b"/x", b"[::1]:8"),
}


@pytest.mark.parametrize("target", TARGETS)
def test_origin_form(target):
    assert origin_form(target) == TARGETS[target]


@pytest.mark.parametrize(
    "target",
    [
        *(b"", b"x", b"h:80", b"ftp://h/", b"http:///", b"http://", b"http://u@/", b"://h"),
        *(b"http://a,b/", b"http://h:80:80/", b"http://[::1/", b"http://h#f/"),
    ],
)
def test_targets_that_are_refused(target):
    with pytest.raises(CallFailed, match="Malformed request"):
        origin_form(target)


HOSTS = [b"m", b"", b"m:80", b"M.example", b"127.0.0.1:8080", b"[::1]", b"[::1]:80", b"a_b-c", b"%41", b"m:"]
NO_HOSTS = [
    b"m/x",
    b"u@m",
    b"a b",
    b"a,b",
    b"[::1",
    b"::1",
    b"m:80:80",
    b"m:x",
    b"m?x",
    b"m#x",
    b"\xe9",
    b"a\tb",
    b'"m"',
]


@pytest.mark.parametrize("host", HOSTS)
def test_hosts(host):
    assert request_head(b"GET", b"/", "1.1", ((b"host", host),), DROPPED).host == host.decode()


@pytest.mark.parametrize("host", NO_HOSTS)
def test_what_is_no_host(host):
    with pytest.raises(CallFailed, match="Host"):
        request_head(b"GET", b"/", "1.1", ((b"host", host),), DROPPED)


# -- responses -------------------------------------------------------------------------------------

HEAD = request(method=b"HEAD")
OLD = request(version="1.0")
FRAMING = {
    # name: (status, fields, to): (bodiless, rechunk, until_close, unframed, length)
    "length": ((200, (TEN,), None), (False, False, False, False, 10)),
    "chunks": ((200, (CHUNKED,), None), (False, True, False, False, -1)),
    "neither": ((200, (), None), (False, True, True, False, -1)),
    "length to 1.0": ((200, (TEN,), OLD), (False, False, False, False, 10)),
    "chunks to 1.0": ((200, (CHUNKED,), OLD), (False, False, False, True, -1)),
    "neither to 1.0": ((200, (), OLD), (False, False, True, True, -1)),
    "to HEAD": ((200, (TEN,), HEAD), (True, False, False, False, 0)),
    "chunks to HEAD": ((200, (CHUNKED,), HEAD), (True, False, False, False, 0)),
    "204": ((204, (), None), (True, False, False, False, 0)),
    "304": ((304, (TEN,), None), (True, False, False, False, 0)),
    "100": ((100, (), None), (True, False, False, False, 0)),
}


@pytest.mark.parametrize(("given_", "framing"), FRAMING.values(), ids=FRAMING)
def test_how_an_answer_is_framed(given_, framing):
    status, fields, to = given_
    head = response(status, *fields, to=to)
    assert (head.bodiless, head.rechunk, head.until_close, head.unframed, head.length) == framing


MALFORMED = {
    "both framings": (200, (TEN, CHUNKED), "1.1"),
    "two lengths": (200, (TEN, TEN), "1.1"),
    "a length that is none": (200, ((b"Content-Length", b"ten"),), "1.1"),
    "another coding": (200, ((b"Transfer-Encoding", b"gzip"),), "1.1"),
    "HTTP/2.0": (200, (), "2.0"),
    "HTTP/0.9": (200, (), "0.9"),
    "status 99": (99, (), "1.1"),
    "101 unasked": (101, ((b"Connection", b"upgrade"), (b"Upgrade", b"x")), "1.1"),
}


@pytest.mark.parametrize(("status", "fields", "version"), MALFORMED.values(), ids=MALFORMED)
def test_answers_that_are_refused(status, fields, version):
    with pytest.raises(CallFailed) as failed:
        response(status, *fields, version=version)
    assert failed.value.cause == "upstream-malformed"


@pytest.mark.parametrize("fields", [(), ((b"Upgrade", b"x"),), ((b"Connection", b"upgrade"),)])
def test_a_switch_to_no_protocol_is_refused(fields):
    asked = request((b"Connection", b"Upgrade"), (b"Upgrade", b"websocket"))
    with pytest.raises(CallFailed):
        response(101, *fields, to=asked)


# -- trailers --------------------------------------------------------------------------------------


def test_trailers_that_pass():
    passed = ((b"X-Sum", b"1"), (b"Server-Timing", b"a"), (b"x-sum", b"2"))
    refused = (
        (b"Host", b"e"),
        (b"content-length", b"1"),
        (b"X-Anomaly-Score", b"0"),
        (b"TE", b""),
        (b"Trailer", b"x"),
    )
    assert trailers(passed + refused, DROPPED) == passed


# -- against another reading -----------------------------------------------------------------------

NAMES = st.sampled_from(
    [
        *OURS,
        *HOP_BY_HOP,
        b"host",
        b"content-length",
        b"expect",
        b"x-request-id",
        b"content-type",
        b"x-a",
        b"x-b",
    ]
).map(lambda name: name.title()) | st.from_regex(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}", fullmatch=True)
VALUES = st.sampled_from(
    [
        b"chunked",
        b"close",
        b"keep-alive, x-a",
        b"upgrade",
        b"host, content-type",
        b"0",
        b"5",
        b"websocket",
        b"m",
    ]
) | st.from_regex(rb"([\x21-\x7e\x80-\xff]([\x20-\x7e\t]{0,10}[\x21-\x7e])?)?", fullmatch=True)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=8), st.sampled_from(["1.0", "1.1"]))
def test_what_goes_on_is_read_the_same_by_another_parser(fields, version):
    """Whatever passes is one request, framed as we say, and with no field that was to be dropped."""
    received: Headers = (HOST, *fields)
    try:
        head = request_head(b"POST", b"/", version, received, DROPPED, b"m")
    except CallFailed:
        return  # nothing goes on
    model = h11.Connection(h11.SERVER)
    model.receive_data(head.lines + b"\r\n")
    seen = model.next_event()
    assert isinstance(seen, h11.Request)
    names = [name for name, _ in seen.headers]
    assert (b"transfer-encoding" in names) == head.chunked
    assert [int(value) for name, value in seen.headers if name == b"content-length"] == (
        [head.length] if head.length >= 0 else []
    )
    assert not set(names) & OURS
    assert names.count(b"host") == 1
    assert isinstance(model.next_event(), h11.EndOfMessage) == (head.length <= 0 and not head.chunked)
