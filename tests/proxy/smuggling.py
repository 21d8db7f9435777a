"""Malformed and ambiguous messages: what was sent, what the other side received, what the sender got.

These two tables are the tests (`test_smuggling.py`) and the documentation (`docs/proxy.md`):

    python -m tests.proxy.smuggling    writes them into docs/proxy.md
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "proxy.md"
BEGIN, END = "<!-- {} table: written by tests/proxy/smuggling.py -->", "<!-- end of the {} table -->"


NOTHING = b""
SAME = None
PASSED = "200"
REFUSED = "400 bad-request"
UNKNOWN = "501 not-implemented"
TOO_LARGE = "431 headers-too-large"
MALFORMED = "502 upstream-malformed"


class Attack(NamedTuple):
    """A request, and what comes of it. `arrives`: the bytes that the model receives, less the fields that
    sidecar adds. `caller`: the status of each answer, with the cause where it is sidecar's own."""

    name: str
    sent: bytes
    arrives: bytes | None = NOTHING
    caller: str = REFUSED
    late: bool = False
    """The fault shows so late that the head may have gone on; the model's connection then breaks off."""

    @property
    def model(self) -> bytes:
        return self.sent if self.arrives is SAME else self.arrives


class Mischief(NamedTuple):
    """What a model says, and what its caller gets: status, cause, and the body."""

    name: str
    sent: bytes
    caller: str = MALFORMED
    body: bytes = b""
    to: str = "GET"
    late: bool = False
    """The fault is in the body: in pieces, the answer would break off instead."""


P = b"POST / HTTP/1.1\r\nHost: m\r\n"
G = b"GET / HTTP/1.1\r\nHost: m\r\n"
TE = b"Transfer-Encoding: chunked\r\n"
HIDDEN = b"GET /admin HTTP/1.1\r\nHost: m\r\n\r\n"


def chunked(body: bytes) -> bytes:
    """A request with this chunked body."""
    return P + TE + b"\r\n" + body


REQUESTS: dict[str, tuple[Attack, ...]] = {
    "Two lengths": (
        Attack("CL.TE", P + b"Content-Length: 6\r\n" + TE + b"\r\n0\r\n\r\nG"),
        Attack("TE.CL", P + TE + b"Content-Length: 4\r\n\r\n24\r\n" + HIDDEN + b"\r\n0\r\n\r\n"),
        Attack(
            "CL.TE in HTTP/1.0", P.replace(b"1.1", b"1.0") + b"Content-Length: 6\r\n" + TE + b"\r\n0\r\n\r\nG"
        ),
        Attack("twice the same", P + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi"),
        Attack("two different", P + b"Content-Length: 2\r\nContent-Length: 40\r\n\r\nhi" + HIDDEN),
        Attack("a list", P + b"Content-Length: 2, 2\r\n\r\nhi"),
    ),
    "Odd Content-Length": (
        Attack("plus sign", P + b"Content-Length: +2\r\n\r\nhi"),
        Attack("minus sign", P + b"Content-Length: -2\r\n\r\nhi"),
        Attack("hexadecimal", P + b"Content-Length: 0x2\r\n\r\nhi"),
        Attack("fraction", P + b"Content-Length: 2.0\r\n\r\nhi"),
        Attack("empty", P + b"Content-Length: \r\n\r\nhi"),
        Attack("over 64 bits", P + b"Content-Length: 18446744073709551618\r\n\r\nhi"),
        Attack("5,000 digits", P + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nhi"),
        Attack("blank inside", P + b"Content-Length: 1 2\r\n\r\nhi"),
        Attack("blank after", P + b"Content-Length: 2 \r\n\r\nhi"),
        Attack("superscript two", P + b"Content-Length: \xb2\r\n\r\nhi"),
        Attack(
            "leading zeros",
            P + b"Content-Length: 002\r\n\r\nhi",
            SAME,
            PASSED,
        ),
        Attack("5,000 leading zeros", P + b"Content-Length: " + b"0" * 5000 + b"2\r\n\r\nhi"),
    ),
    "Odd Transfer-Encoding": (
        Attack(
            "in other case", P + b"transfer-ENCODING: Chunked\r\n\r\n0\r\n\r\n", chunked(b"0\r\n\r\n"), PASSED
        ),
        Attack(
            "tab before", P + b"Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n", chunked(b"0\r\n\r\n"), PASSED
        ),
        Attack("blank after", P + b"Transfer-Encoding: chunked \r\n\r\n0\r\n\r\n", NOTHING, UNKNOWN),
        Attack("vertical tab", P + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
        Attack("twice", P + TE + TE + b"\r\n0\r\n\r\n"),
        Attack("chunked, then another field", P + TE + b"Transfer-Encoding: x\r\n\r\n0\r\n\r\n"),
        Attack(
            "another field, then chunked",
            P + b"Transfer-Encoding: x\r\n" + TE + b"\r\n0\r\n\r\n",
            NOTHING,
            UNKNOWN,
        ),
        Attack("xchunked", P + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", NOTHING, UNKNOWN),
        Attack("quoted", P + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n', NOTHING, UNKNOWN),
        Attack("gzip, chunked", P + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", NOTHING, UNKNOWN),
        Attack("chunked, gzip", P + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
        Attack("chunked, chunked", P + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
        Attack("identity", P + b"Transfer-Encoding: identity\r\n\r\nhi", NOTHING, UNKNOWN),
        Attack("empty", P + b"Transfer-Encoding: \r\n\r\nhi"),
        Attack("blank before the colon", P + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
        Attack("on a folded line", P + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
        Attack("behind a bare LF", P + b"X: x\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        Attack(
            "named away by Connection",
            P + TE + b"Connection: transfer-encoding\r\n\r\n0\r\n\r\n",
            chunked(b"0\r\n\r\n"),
            PASSED,
        ),
        Attack(
            "with an underscore it is another field",
            P + b"Transfer_Encoding: chunked\r\nContent-Length: 2\r\n\r\nhi",
            SAME,
            PASSED,
        ),
        Attack("in HTTP/1.0", P.replace(b"1.1", b"1.0") + TE + b"\r\n0\r\n\r\n"),
    ),
    "Chunks": (
        Attack(
            "extensions are dropped",
            chunked(b'2;a=1;b="x\ty"\r\nhi\r\n0;c\r\n\r\n'),
            chunked(b"2\r\nhi\r\n0\r\n\r\n"),
            PASSED,
        ),
        Attack("bare LF in an extension", chunked(b"2;a\nb\r\nhi\r\n0\r\n\r\n")),
        Attack("bare LF after the size", chunked(b"2\nhi\r\n0\r\n\r\n")),
        Attack("bare LF after the data", chunked(b"2\r\nhi\n0\r\n\r\n")),
        Attack("data longer than its size", chunked(b"2\r\nhi!\r\n0\r\n\r\n")),
        Attack("size 0x2", chunked(b"0x2\r\nhi\r\n0\r\n\r\n")),
        Attack("size +2", chunked(b"+2\r\nhi\r\n0\r\n\r\n")),
        Attack("size -2", chunked(b"-2\r\nhi\r\n0\r\n\r\n")),
        Attack("no size", chunked(b"\r\nhi\r\n0\r\n\r\n")),
        Attack("blank before the size", chunked(b" 2\r\nhi\r\n0\r\n\r\n")),
        Attack("blank after the size", chunked(b"2 \r\nhi\r\n0\r\n\r\n")),
        Attack("size over 64 bits", chunked(b"10000000000000002\r\nhi\r\n0\r\n\r\n")),
        Attack(
            "a request after the end",
            chunked(b"0\r\n\r\n") + HIDDEN,
            SAME,
            "200, 200",
        ),
        Attack("Content-Length as trailer", chunked(b"0\r\nContent-Length: 9\r\n\r\n")),
        Attack("Transfer-Encoding as trailer", chunked(b"0\r\n" + TE + b"\r\n")),
        Attack(
            "Host as trailer",
            chunked(b"0\r\nHost: evil\r\nX-T: 1\r\n\r\n"),
            chunked(b"0\r\nX-T: 1\r\n\r\n"),
            PASSED,
        ),
        Attack("folded trailer", chunked(b"0\r\nX-T: 1\r\n 2\r\n\r\n")),
        Attack("endless extension", chunked(b"2;" + b"a" * 400_000), NOTHING, TOO_LARGE, late=True),
        Attack("endless trailers", chunked(b"0\r\n" + b"X-T: 1\r\n" * 50_000), NOTHING, TOO_LARGE, late=True),
    ),
    "Fields": (
        Attack("folded line", G + b"X-A: 1\r\n 2\r\n\r\n"),
        Attack("folded with a tab", G + b"X-A: 1\r\n\t2\r\n\r\n"),
        Attack("first line folded", b"GET / HTTP/1.1\r\n X-A: 1\r\nHost: m\r\n\r\n"),
        Attack("bare LF", G + b"X-A: 1\nX-B: 2\r\n\r\n"),
        Attack("bare LF everywhere", b"GET / HTTP/1.1\nHost: m\n\n"),
        Attack("bare CR", G + b"X-A: 1\rX-B: 2\r\n\r\n"),
        Attack("LF CR", G + b"X-A: 1\n\rX-B: 2\r\n\r\n"),
        Attack("head ended by bare LF", G + b"\n" + HIDDEN),
        Attack("NUL in a value", G + b"X-A: 1\x002\r\n\r\n"),
        Attack("NUL in a name", G + b"X-\x00A: 1\r\n\r\n"),
        Attack("control character in a value", G + b"X-A: 1\x1f\r\n\r\n"),
        Attack("DEL in a value", G + b"X-A: 1\x7f\r\n\r\n"),
        Attack("blank before the colon", G + b"X-A : 1\r\n\r\n"),
        Attack("blank in the name", G + b"X A: 1\r\n\r\n"),
        Attack("no name", G + b": 1\r\n\r\n"),
        Attack("no colon", G + b"X-A\r\n\r\n"),
        Attack("name beyond ASCII", G + b"X-\xc3\xa9: 1\r\n\r\n"),
        Attack("64 KiB in one field", G + b"X-A: " + b"a" * 70_000 + b"\r\n\r\n", NOTHING, TOO_LARGE),
        Attack("64 KiB in 9,000 fields", G + b"X-A: 1\r\n" * 9000 + b"\r\n", NOTHING, TOO_LARGE),
        Attack("64 KiB and no end", G + b"X-A: " + b"a" * 70_000, NOTHING, TOO_LARGE),
        Attack(
            "forged facts",
            G + b"X-Anomaly-Score: 0\r\nx-anomaly-verdict: normal\r\nX-Sidecar-Error: x\r\n\r\n",
            G + b"\r\n",
            PASSED,
        ),
    ),
    "Request line": (
        Attack("HTTP/0.9", b"GET /\r\n\r\n"),
        Attack("HTTP/1.2", b"GET / HTTP/1.2\r\nHost: m\r\n\r\n"),
        Attack("HTTP/2.0", b"GET / HTTP/2.0\r\nHost: m\r\n\r\n"),
        Attack("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        Attack("http/1.1 in lower case", b"GET / http/1.1\r\nHost: m\r\n\r\n"),
        Attack("two blanks", b"GET  / HTTP/1.1\r\nHost: m\r\n\r\n", G + b"\r\n", PASSED),
        Attack("tabs", b"GET\t/\tHTTP/1.1\r\nHost: m\r\n\r\n", NOTHING, UNKNOWN),
        Attack("something after the version", b"GET / HTTP/1.1 x\r\nHost: m\r\n\r\n"),
        Attack("empty lines before it", b"\r\n\r\n" + G + b"\r\n", G + b"\r\n", PASSED),
        Attack("unknown method", b"BREW / HTTP/1.1\r\nHost: m\r\n\r\n", NOTHING, UNKNOWN),
        Attack("method in lower case", b"get / HTTP/1.1\r\nHost: m\r\n\r\n", NOTHING, UNKNOWN),
        Attack("a TLS handshake", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", NOTHING, UNKNOWN),
        Attack(
            "64 KiB of target", b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: m\r\n\r\n", NOTHING, TOO_LARGE
        ),
    ),
    "Target and Host": (
        Attack(
            "absolute form",
            b"GET http://m/x?y HTTP/1.1\r\nHost: m\r\n\r\n",
            b"GET /x?y HTTP/1.1\r\nHost: m\r\n\r\n",
            PASSED,
        ),
        Attack(
            "absolute form, another Host",
            b"GET http://m/ HTTP/1.1\r\nHost: evil\r\n\r\n",
            G + b"\r\n",
            PASSED,
        ),
        Attack("absolute form, no Host", b"GET http://m/ HTTP/1.1\r\n\r\n"),
        Attack(
            "absolute form with a user", b"GET http://u:p@m/ HTTP/1.1\r\nHost: m\r\n\r\n", G + b"\r\n", PASSED
        ),
        Attack("absolute form, a list of hosts", b"GET http://m,evil/ HTTP/1.1\r\nHost: m\r\n\r\n"),
        Attack("absolute form, two ports", b"GET http://m:80:81/ HTTP/1.1\r\nHost: m\r\n\r\n"),
        Attack("absolute form without a host", b"GET http:///x HTTP/1.1\r\nHost: m\r\n\r\n"),
        Attack("another scheme", b"GET ftp://m/ HTTP/1.1\r\nHost: m\r\n\r\n"),
        Attack("authority form", b"GET m:80 HTTP/1.1\r\nHost: m\r\n\r\n"),
        Attack("CONNECT", b"CONNECT m:80 HTTP/1.1\r\nHost: m:80\r\n\r\n", NOTHING, UNKNOWN),
        Attack("relative path", b"GET x HTTP/1.1\r\nHost: m\r\n\r\n"),
        Attack("blank in the target", b"GET /a b HTTP/1.1\r\nHost: m\r\n\r\n"),
        Attack("NUL in the target", b"GET /\x00 HTTP/1.1\r\nHost: m\r\n\r\n"),
        Attack("raw UTF-8 in the target", b"GET /\xc3\xa9 HTTP/1.1\r\nHost: m\r\n\r\n"),
        Attack(
            "an encoded line break",
            b"GET /%0d%0aX:%201 HTTP/1.1\r\nHost: m\r\n\r\n",
            SAME,
            PASSED,
        ),
        Attack("no Host", b"GET / HTTP/1.1\r\n\r\n"),
        Attack("two Hosts", G + b"Host: evil\r\n\r\n"),
        Attack("twice the same Host", G + b"Host: m\r\n\r\n"),
        Attack("a list of Hosts", b"GET / HTTP/1.1\r\nHost: m, evil\r\n\r\n"),
        Attack("Host with a path", b"GET / HTTP/1.1\r\nHost: m/x\r\n\r\n"),
        Attack("Host with a user", b"GET / HTTP/1.1\r\nHost: u@m\r\n\r\n"),
        Attack("empty Host", b"GET / HTTP/1.1\r\nHost: \r\n\r\n", SAME, PASSED),
    ),
    "Connection": (
        Attack("names Host", G + b"Connection: Host\r\n\r\n", G + b"\r\n", PASSED),
        Attack(
            "names Content-Length",
            P + b"Content-Length: 2\r\nConnection: content-length\r\n\r\nhi",
            P + b"Content-Length: 2\r\n\r\nhi",
            PASSED,
        ),
        Attack(
            "h2c",
            G + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\n\r\n",
            G + b"\r\n",
            PASSED,
        ),
        Attack(
            "a request in a body, with an offer of h2c",
            P + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 32\r\n\r\n" + HIDDEN,
            P + b"Content-Length: 32\r\n\r\n" + HIDDEN,
            PASSED,
        ),
        Attack(
            "a request in a body, with an offer of another protocol",
            P + b"Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 32\r\n\r\n" + HIDDEN,
            P + b"Content-Length: 32\r\n\r\n" + HIDDEN,
            PASSED,
        ),
        Attack("a request after close", G + b"Connection: close\r\n\r\n" + HIDDEN, G + b"\r\n", PASSED),
    ),
    "Pipelining": (
        Attack(
            "a request in a body is a body",
            P + b"Content-Length: 32\r\n\r\n" + HIDDEN,
            SAME,
            PASSED,
        ),
        Attack("good, bad", G + b"\r\n" + G + b"X : 1\r\n\r\n" + HIDDEN, G + b"\r\n", f"{PASSED}, {REFUSED}"),
        Attack(
            "good, bad chunks",
            G + b"\r\n" + chunked(b"2\r\nhi!\r\n") + HIDDEN,
            G + b"\r\n",
            f"{PASSED}, {REFUSED}",
        ),
        Attack(
            "good, too large",
            G + b"\r\n" + G + b"X: " + b"a" * 70_000 + b"\r\n\r\n",
            G + b"\r\n",
            f"{PASSED}, {TOO_LARGE}",
        ),
    ),
}


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

RESPONSES: tuple[Mischief, ...] = (
    Mischief("two answers", OK + OK, PASSED, b"ok"),
    Mischief("more than its length", OK + b"HTTP/1.1 200 OK\r\nSet-Cookie: evil\r\n\r\n", PASSED, b"ok"),
    Mischief(
        "Content-Length and Transfer-Encoding",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + TE + b"\r\n2\r\nok\r\n0\r\n\r\n",
    ),
    Mischief("two lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!"),
    Mischief("5,000 leading zeros", b"HTTP/1.1 200 OK\r\nContent-Length: " + b"0" * 5000 + b"2\r\n\r\nok"),
    Mischief("negative length", b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok"),
    Mischief("gzip as transfer coding", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok"),
    Mischief("a folded line", b"HTTP/1.1 200 OK\r\nX: 1\r\n 2\r\nContent-Length: 2\r\n\r\nok"),
    Mischief("bare LF", b"HTTP/1.1 200 OK\r\nX: 1\nY: 2\r\nContent-Length: 2\r\n\r\nok"),
    Mischief("NUL in a value", b"HTTP/1.1 200 OK\r\nX: \x00\r\nContent-Length: 2\r\n\r\nok"),
    Mischief("blank before the colon", b"HTTP/1.1 200 OK\r\nX : 1\r\nContent-Length: 2\r\n\r\nok"),
    Mischief("no HTTP", b"SSH-2.0-OpenSSH_9.2\r\n"),
    Mischief("HTTP/2.0", b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    Mischief("status 000", b"HTTP/1.1 000 No\r\nContent-Length: 2\r\n\r\nok"),
    Mischief("status 1000", b"HTTP/1.1 1000 No\r\nContent-Length: 2\r\n\r\nok"),
    Mischief("status 2x", b"HTTP/1.1 2x OK\r\nContent-Length: 2\r\n\r\nok"),
    Mischief("control character in the reason", b"HTTP/1.1 200 O\x0bK\r\nContent-Length: 2\r\n\r\nok"),
    Mischief("101 unasked", b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"),
    Mischief("endless head", b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 50_000),
    Mischief("endless field", b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300_000),
    Mischief(
        "chunk of size -2",
        b"HTTP/1.1 200 OK\r\n" + TE + b"\r\n-2\r\nok\r\n0\r\n\r\n",
        MALFORMED,
        late=True,
    ),
    Mischief("a body to HEAD", OK, PASSED, to="HEAD"),
    Mischief("a body with 204", b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "204"),
    Mischief("a body with 304", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nok", "304"),
    Mischief(
        "forged facts",
        b"HTTP/1.1 200 OK\r\nX-Anomaly-Score: 0\r\nx-sidecar-error: x\r\nContent-Length: 2\r\n\r\nok",
        PASSED,
        b"ok",
    ),
)
"""After each of these, the model's connection is closed and never serves again, except after the last."""


# -- documentation ---------------------------------------------------------------------------------


def shown(data: bytes) -> str:
    """Bytes as they stand in the tables: escaped, what repeats shortened, safe in a cell."""
    if not data:
        return "nothing"
    text = re.sub(r"(.{1,8}?)\1{99,}", r"\1\1…", data.decode("latin-1"), flags=re.DOTALL)
    text = "".join(
        c if " " <= c <= "~" else ESCAPES.get(c) or f"\\x{ord(c):02x}" if c < "\xff" else c for c in text
    )
    return f"`{text}`".replace("|", "\\|")


def _received(attack: Attack) -> str:
    if attack.late:
        return "at most the head, then the end"
    return "the same" if attack.model == attack.sent else shown(attack.model)


ESCAPES = {"\r": "\\r", "\n": "\\n", "\t": "\\t", "…": "…"}


def tables() -> dict[str, str]:
    """Both tables in Markdown, by name."""
    requests = [
        "| case | the caller sends | the model receives | the caller gets |",
        "| --- | --- | --- | --- |",
    ]
    for group, attacks in REQUESTS.items():
        requests.append(f"| **{group}** | | | |")
        requests += [
            f"| {attack.name} | {shown(attack.sent)} | {_received(attack)} | {attack.caller} |"
            for attack in attacks
        ]
    answers = ["| case | the model sends | the caller gets |", "| --- | --- | --- |"]
    for row in RESPONSES:
        asked = f" (to {row.to})" if row.to != "GET" else ""
        body = f" {shown(row.body)}" if row.body else ""
        answers.append(f"| {row.name} | {shown(row.sent)}{asked} | {row.caller}{body} |")
    return {"request": "\n".join(requests), "response": "\n".join(answers)}


def documented(text: str) -> str:
    """The text of the document with both tables as they are now."""
    for name, table in tables().items():
        begin, end = BEGIN.format(name), END.format(name)
        before, _, rest = text.partition(begin)
        _, found, after = rest.partition(end)
        assert found, f"{DOCUMENT} has no place for the {name} table"
        text = f"{before}{begin}\n{table}\n{end}{after}"
    return text


if __name__ == "__main__":
    DOCUMENT.write_text(documented(DOCUMENT.read_text()))
