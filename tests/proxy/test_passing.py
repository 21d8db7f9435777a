"""What passes through, byte for byte: requests to the model, answers to the caller.

The rows say what was sent and what arrived; where they are the same, there is only one. Left out of both
are the fields that sidecar adds (`forwarded` and `answered` see to it that they are there).
"""

import gzip

import pytest

from tests.proxy.dialogue import GET, OK, answered, fields, forwarded, http, sidecar

EVERY_BYTE = bytes(range(256))
GZIPPED = gzip.compress(b'{"instances": [[1, 2]]}', mtime=0)


# -- requests --------------------------------------------------------------------------------------

METHODS = """
    ACL BIND CHECKOUT COPY DELETE GET HEAD LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY
    OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND
    UNLINK UNLOCK UNSUBSCRIBE
"""
"""Every method that the parser knows, except CONNECT."""


@pytest.mark.parametrize("method", METHODS.split())
async def test_a_method_passes(method):
    request = http(f"{method} /v2/models/m HTTP/1.1", "Host: m")
    async with sidecar() as stage:
        got, response = await stage.call(request, http("HTTP/1.1 200 OK", "Content-Length: 0"), to=method)
        assert forwarded(got) == request
        assert response.status == 200


TARGETS = [
    "/",
    "/v1/models/m:predict",
    "//double//slash/",
    "/a/../b/./c/..",
    "/%2e%2e/%2F%00%zz%",
    "/?",
    "/p?a=1&a=2&b=%20+&c[]=1;d=?/?",
    "/caf%C3%A9",
    "/a;v=1/b,c/~me/!$&'()*+@:",
    '/odd"<>\\^`{|}',
    "/with#fragment",
    "/" + "x" * 8000,
    "*",
]


@pytest.mark.parametrize("target", TARGETS)
async def test_a_target_passes_raw(target):
    request = http(f"OPTIONS {target} HTTP/1.1", "Host: m")
    async with sidecar() as stage:
        got, _ = await stage.call(request, OK)
        assert forwarded(got) == request
        (record,) = await stage.records()
        assert record.target == target


REQUESTS = {
    "order, case and duplicates of fields": http(
        "GET / HTTP/1.1", "zeta: 1", "HOST: m", "X-CamelCase: a", "x-a: 1", "X-A: 2", "x-a: 1", "Accept: */*"
    ),
    "values with odd bytes": http(
        "GET / HTTP/1.1",
        "Host: m",
        "X-Latin: \xe9\xff\x80",
        "X-UTF8: \xc3\xa9",
        "X-Tab: a\tb  c",
        'X-Quote: "a\\"b"',
    ),
    "empty value": http("GET / HTTP/1.1", "Host: m", "X-Empty: ", "X-Next: 1"),
    "every character of a field name": http("GET / HTTP/1.1", "Host: m", "!#$%&'*+-.^_`|~09azAZ: 1"),
    "body": http("POST / HTTP/1.1", "Host: m", "Content-Length: 256", body=EVERY_BYTE),
    "empty body": http("POST / HTTP/1.1", "Host: m", "Content-Length: 0"),
    "body of a GET": http("GET / HTTP/1.1", "Host: m", "Content-Length: 3", body=b"abc"),
    "gzip": http(
        "POST /v1/models/m:predict HTTP/1.1",
        "Host: m",
        "Content-Encoding: gzip",
        f"Content-Length: {len(GZIPPED)}",
        body=GZIPPED,
    ),
    "large body": http("PUT / HTTP/1.1", "Host: m", "Content-Length: 300000", body=b"0123456789" * 30000),
    "a request id of the caller's": http("GET / HTTP/1.1", "x-REQUEST-id: mine/1", "Host: m"),
    "forwarded and authorization": http(
        "GET / HTTP/1.1", "Host: m", "Authorization: Bearer abc", "Cookie: a=b; c=d", "forwarded: for=k"
    ),
    "expect": http("POST / HTTP/1.1", "Host: m", "Expect: 100-continue", "Content-Length: 2", body=b"hi"),
}
"""Arrives as it was sent."""


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
async def test_a_request_passes_as_it_is(request_):
    async with sidecar() as stage:
        got, response = await stage.call(request_, OK)
        assert forwarded(got) == request_
        assert response.body == b"ok"


CHANGED = {
    # name: (fields sent, fields that arrive)
    "fields of one hop": (
        ["Host: m", "Keep-Alive: timeout=5", "X-A: 1", "Proxy-Connection: close", "Connection: keep-alive"],
        ["Host: m", "X-A: 1"],
    ),
    "close is between the caller and us": (["Host: m", "Connection: close"], ["Host: m"]),
    "fields that Connection names": (
        ["Host: m", "X-Hop: 1", "Connection: x-hop, close", "X-Stay: 2", "x-HOP: 3"],
        ["Host: m", "X-Stay: 2"],
    ),
    "Connection may not name what a request means": (
        [
            "Host: m",
            "Content-Type: a/b",
            "Content-Length: 0",
            "Connection: host, content-length, content-type",
        ],
        ["Host: m", "Content-Type: a/b", "Content-Length: 0"],
    ),
    "TE is ours to negotiate": (
        ["TE: trailers, deflate;q=0.5", "Host: m", "Connection: TE"],
        ["Host: m", "TE: trailers", "Connection: TE"],
    ),
    "TE without trailers": (["TE: deflate", "Host: m", "Connection: TE"], ["Host: m"]),
    "h2c is not offered on": (
        ["Host: m", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQ"],
        ["Host: m"],
    ),
    "an Upgrade that Connection does not name": (["Host: m", "Upgrade: websocket"], ["Host: m"]),
    "forged facts": (
        [
            *("x-anomaly-score: 0.0", "Host: m", "X-Anomaly-Verdict: normal", "X-ANOMALY-DETAIL: x"),
            *(
                "x-anomaly-rows: 1",
                "x-drift-state: stable",
                "x-policy-action: allow",
                "x-sidecar-error: none",
            ),
        ],
        ["Host: m"],
    ),
    "blanks before a value": (["Host: m", "X-A: \t a b", "X-B:c"], ["Host: m", "X-A: a b", "X-B: c"]),
}


@pytest.mark.parametrize(("sent", "arrives"), CHANGED.values(), ids=CHANGED)
async def test_fields_that_do_not_pass_as_they_are(sent, arrives):
    async with sidecar() as stage:
        got, _ = await stage.call(http("GET /x HTTP/1.1", *sent), OK)
        assert forwarded(got) == http("GET /x HTTP/1.1", *arrives)


async def test_the_callers_trace_goes_on_in_ours():
    trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    request = http("GET / HTTP/1.1", "Host: m", f"traceparent: 00-{trace}-{parent}-01", "TraceState: a=b")
    async with sidecar() as stage:
        got, response = await stage.call(request, OK)
        (record,) = await stage.records()
        assert fields(got, "traceparent") == [f"00-{trace}-{record.span.client}-01"]
        assert fields(got, "tracestate") == ["a=b"]
        assert record.span.parent == parent
        assert response.field("traceresponse") == f"00-{trace}-{record.span.server}-01"


async def test_a_request_id_is_kept_or_made_and_the_same_everywhere():
    async with sidecar() as stage:
        for sent in ([], ["x-request-id: mine"]):
            got, response = await stage.call(http("GET / HTTP/1.1", "Host: m", *sent), OK)
            (inside,) = fields(got, "x-request-id")
            assert inside == response.field("x-request-id")
            assert (inside == "mine") == bool(sent)
        records = await stage.records(2)
        assert records[1].id == "mine"


CHUNKED = b"POST /c HTTP/1.1\r\nHost: m\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKS = {
    # name: (what follows the head, the body, its trailers)
    "one chunk": (b"5\r\nhello\r\n0\r\n\r\n", b"hello", b""),
    "one byte each": (b"".join(b"1\r\n%c\r\n" % byte for byte in EVERY_BYTE) + b"0\r\n\r\n", EVERY_BYTE, b""),
    "no body": (b"0\r\n\r\n", b"", b""),
    "extensions": (b'3;a;b=1;c="x y"\r\nabc\r\n2;d\r\nde\r\n0;last=1\r\n\r\n', b"abcde", b""),
    "sizes in both cases, with zeros": (
        b"00a\r\n0123456789\r\n0A\r\n0123456789\r\n000\r\n\r\n",
        b"0123456789" * 2,
        b"",
    ),
    "trailers": (b"2\r\nhi\r\n0\r\nX-Sum: 1\r\nx-More: 2\r\n\r\n", b"hi", b"X-Sum: 1\r\nx-More: 2\r\n"),
    "trailers that would route or forge": (
        b"2\r\nhi\r\n0\r\nHost: evil\r\nX-Sum: 1\r\nx-anomaly-score: 0\r\nAuthorization: x\r\n"
        b"TE: trailers\r\nSet-Cookie: a\r\nContent-Encoding: gzip\r\n\r\n",
        b"hi",
        b"X-Sum: 1\r\n",
    ),
}


@pytest.mark.parametrize(("sent", "body", "trailers"), CHUNKS.values(), ids=CHUNKS)
async def test_a_chunked_request_passes(sent, body, trailers):
    async with sidecar() as stage:
        caller = await stage.caller()
        await caller.send(CHUNKED + sent)
        model = await stage.model()
        assert forwarded(await model.head()) == CHUNKED
        assert await model.chunks() == (body, trailers)
        await model.send(OK)
        assert (await caller.response()).status == 200


@pytest.mark.parametrize(("sent", "body", "trailers"), CHUNKS.values(), ids=CHUNKS)
async def test_a_chunked_answer_passes(sent, body, trailers):
    head = b"HTTP/1.1 200 OK\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with sidecar() as stage:
        _, response = await stage.call(GET, head + sent)
        assert answered(response.head) == head
        assert (response.body, response.trailers) == (body, trailers)


# -- answers ---------------------------------------------------------------------------------------

ANSWERS = {
    # name: (to, answer)
    "order, case and duplicates of fields": (
        "GET",
        http(
            "HTTP/1.1 200 OK", "Zeta: 1", "Set-Cookie: a", "set-cookie: b", "Content-Length: 0", "x-a: \xe9"
        ),
    ),
    "body": ("POST", http("HTTP/1.1 200 OK", "Content-Length: 256", body=EVERY_BYTE)),
    "gzip": (
        "GET",
        http("HTTP/1.1 200 OK", "Content-Encoding: gzip", f"Content-Length: {len(GZIPPED)}", body=GZIPPED),
    ),
    "a reason of its own": ("GET", http("HTTP/1.1 200 Sure, why not \xe9", "Content-Length: 0")),
    "no reason": ("GET", http("HTTP/1.1 200 ", "Content-Length: 0")),
    "an unknown status": ("GET", http("HTTP/1.1 799 Odd", "Content-Length: 1", body=b"x")),
    "201": ("PUT", http("HTTP/1.1 201 Created", "Location: /x", "Content-Length: 0")),
    "204": ("DELETE", http("HTTP/1.1 204 No Content", "X-A: 1")),
    "206": (
        "GET",
        http("HTTP/1.1 206 Partial Content", "Content-Range: bytes 0-1/9", "Content-Length: 2", body=b"ab"),
    ),
    "301": ("GET", http("HTTP/1.1 301 Moved Permanently", "Location: http://m/", "Content-Length: 0")),
    "304": ("GET", http("HTTP/1.1 304 Not Modified", 'ETag: "a"')),
    "304 with the length it would have": ("GET", http("HTTP/1.1 304 Not Modified", "Content-Length: 99")),
    "HEAD": ("HEAD", http("HTTP/1.1 200 OK", "Content-Length: 99")),
    "HEAD, chunked": ("HEAD", http("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")),
    "HEAD, no length": ("HEAD", http("HTTP/1.1 200 OK", "X-A: 1")),
    "404": ("GET", http("HTTP/1.1 404 Not Found", "Content-Length: 4", body=b"nope")),
    "418": ("GET", http("HTTP/1.1 418 I'm a teapot", "Content-Length: 0")),
    "500 with a page": (
        "POST",
        http("HTTP/1.1 500 Oops", "Content-Type: text/html", "Content-Length: 6", body=b"<html>"),
    ),
    "503 of the model's own": ("GET", http("HTTP/1.1 503 Busy", "Retry-After: 7", "Content-Length: 0")),
}


@pytest.mark.parametrize(("to", "answer"), ANSWERS.values(), ids=ANSWERS)
async def test_an_answer_passes_as_it_is(to, answer):
    async with sidecar() as stage:
        caller = await stage.caller()
        model = None
        for _ in range(2):  # the connections serve again, both of them
            await caller.send(http(f"{to} / HTTP/1.1", "Host: m"))
            model = model or await stage.model()
            await model.request()
            await model.send(answer)
            response = await caller.response(to=to)
            assert answered(response.head) + response.body == answer
        await caller.quiet()
        first, second = await stage.records(2)
        assert first.status == second.status == int(answer[9:12])
        assert first.failure == second.failure == ""


ANSWERS_CHANGED = {
    # name: (answer, what the caller gets)
    "fields of one hop": (
        http(
            "HTTP/1.1 200 OK", "Connection: x-hop", "Keep-Alive: timeout=5", "X-Hop: 1", "Content-Length: 0"
        ),
        http("HTTP/1.1 200 OK", "Content-Length: 0"),
    ),
    "an Upgrade on offer": (
        http("HTTP/1.1 200 OK", "Upgrade: h2,h2c", "Connection: Upgrade", "Content-Length: 0"),
        http("HTTP/1.1 200 OK", "Content-Length: 0"),
    ),
    "forged facts": (
        http(
            *("HTTP/1.1 200 OK", "x-anomaly-score: 0", "X-Anomaly-Verdict: normal", "x-drift-state: stable"),
            *("x-policy-action: allow", "X-Sidecar-Error: internal", "traceresponse: 00-0-0-0"),
            *("X-Request-Id: evil", "Content-Length: 0"),
        ),
        http("HTTP/1.1 200 OK", "Content-Length: 0"),
    ),
    "no reason and no blank": (
        http("HTTP/1.1 200", "Content-Length: 0"),
        http("HTTP/1.1 200 ", "Content-Length: 0"),
    ),
    "HTTP/1.0 with a length": (
        http("HTTP/1.0 200 OK", "Content-Length: 2", body=b"ok"),
        http("HTTP/1.1 200 OK", "Content-Length: 2", body=b"ok"),
    ),
    "HTTP/1.0 that keeps alive": (
        http("HTTP/1.0 200 OK", "Connection: keep-alive", "Content-Length: 2", body=b"ok"),
        http("HTTP/1.1 200 OK", "Content-Length: 2", body=b"ok"),
    ),
}


@pytest.mark.parametrize(("answer", "gets"), ANSWERS_CHANGED.values(), ids=ANSWERS_CHANGED)
async def test_an_answer_that_does_not_pass_as_it_is(answer, gets):
    async with sidecar() as stage:
        _, response = await stage.call(GET, answer)
        assert answered(response.head) + response.body == gets


@pytest.mark.parametrize("version", [b"HTTP/1.0", b"HTTP/1.1"])
async def test_an_answer_that_ends_with_the_connection(version):
    async with sidecar() as stage:
        caller = await stage.caller()
        await caller.send(GET)
        model = await stage.model()
        await model.request()
        await model.send(version + b" 200 OK\r\nX-A: 1\r\n\r\nsome ")
        await model.send(EVERY_BYTE)
        model.close()
        response = await caller.response()
        assert answered(response.head) == b"HTTP/1.1 200 OK\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert response.body == b"some " + EVERY_BYTE
        await caller.send(GET)  # the caller's connection outlives the model's
        again = await stage.model()
        await again.request()
        await again.send(OK)
        assert (await caller.response()).body == b"ok"


# -- HTTP/1.0 callers ------------------------------------------------------------------------------

OLD = {
    # name: (answer, what an HTTP/1.0 caller gets)
    "length": (OK, http("HTTP/1.1 200 OK", "Content-Length: 2", "Connection: close", body=b"ok")),
    "chunks are taken apart": (
        http(
            "HTTP/1.1 200 OK", "Transfer-Encoding: chunked", body=b"2\r\nab\r\n1\r\nc\r\n0\r\nX-T: 1\r\n\r\n"
        ),
        http("HTTP/1.1 200 OK", "Connection: close", body=b"abc"),
    ),
    "no 1xx": (
        http("HTTP/1.1 103 Early Hints", "Link: </a>") + OK,
        http("HTTP/1.1 200 OK", "Content-Length: 2", "Connection: close", body=b"ok"),
    ),
    "204": (http("HTTP/1.1 204 No Content"), http("HTTP/1.1 204 No Content", "Connection: close")),
}


@pytest.mark.parametrize(("answer", "gets"), OLD.values(), ids=OLD)
async def test_a_caller_who_speaks_http_1_0(answer, gets):
    async with sidecar() as stage:
        caller = await stage.caller()
        await caller.send(http("GET /old HTTP/1.0", "Host: m", "X-A: 1"))
        model = await stage.model()
        assert forwarded(await model.request()) == b"GET /old HTTP/1.1\r\nHost: m\r\nX-A: 1\r\n\r\n"
        await model.send(answer)
        assert answered(await caller.rest()) == gets


async def test_an_http_1_0_caller_without_a_host_gets_the_models():
    async with sidecar() as stage:
        caller = await stage.caller()
        await caller.send(http("GET /old HTTP/1.0"))
        model = await stage.model()
        assert fields(await model.request(), "host") == [str(stage.plane.pool.address)]
        await model.send(OK)
        assert (await caller.response()).status == 200


async def test_an_http_1_0_caller_may_keep_its_connection():
    async with sidecar() as stage:
        caller = await stage.caller()
        model = None
        for _ in range(2):
            await caller.send(http("GET / HTTP/1.0", "Host: m", "Connection: Keep-Alive"))
            model = model or await stage.model()
            await model.request()
            await model.send(OK)
            assert (await caller.response()).field("connection") == "keep-alive"


async def test_an_http_1_0_caller_may_not_keep_an_answer_without_a_length():
    async with sidecar() as stage:
        caller = await stage.caller()
        await caller.send(http("GET / HTTP/1.0", "Host: m", "Connection: keep-alive"))
        model = await stage.model()
        await model.request()
        await model.send(http("HTTP/1.1 200 OK", body=b"the end is the end"))
        model.close()
        got = await caller.rest()
        assert answered(got) == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nthe end is the end"
