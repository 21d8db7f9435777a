"""Fuzzes the parsing edges of the proxy: byte streams through a real listener, h11 as the second opinion.

    python -m bench.fuzz_proxy --minutes 20 [--seed 1]

Two targets. `requests`: callers send streams that are almost HTTP; the model behind is h11, which is strict.
Whatever arrives there must be requests that h11 reads exactly as they were forwarded, recorded and scored.
`responses`: models send streams that are almost HTTP; what the caller gets must be one response that h11
can read, and the next call on that connection must get its own answer and nothing of the one before. No
stream may hang, crash or be logged as an error. A failure is shrunk to a small one and printed.

A short run with a fixed seed is part of the tests: `tests/proxy/test_fuzz.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Coroutine
from typing import Any, Self

import h11
from hypothesis import strategies as st

from bench.rig.fuzzing import Target, command
from sidecar.exchange import Record
from sidecar.proxy.heads import origin_form
from tests.proxy.dialogue import Peer
from tests.proxy.reference import ReferenceModel, Understood

WHOLE = {"codec": "plain", "redact": "none"}
"""Nothing is redacted: bodies that cannot be searched for secrets are left out of records, which is no
difference between what is forwarded and what is scored."""

# -- streams ---------------------------------------------------------------------------------------

FIELDS = st.sampled_from(
    [
        *(b"Host: m", b"Host: evil", b"host:m", b"Host : m", b"Content-Length: 5", b"Content-Length: 0"),
        *(b"content-length:5", b"Content-Length: +5", b"Content-Length: 5, 5", b"Content-Length: 05"),
        *(b"Transfer-Encoding: chunked", b"transfer-encoding:\tchunked", b"Transfer-Encoding: x, chunked"),
        *(b"Transfer-Encoding: identity", b"Transfer-Encoding:\r\n chunked", b"Transfer-Encoding : chunked"),
        *(b"Connection: close", b"Connection: keep-alive", b"Connection: x-a, content-length", b"X-A: 1"),
        *(
            b"Connection: Upgrade\r\nUpgrade: websocket",
            b"Connection: upgrade\r\nUpgrade: h2c",
            b"TE: trailers",
        ),
        *(b"Expect: 100-continue", b"x-anomaly-score: 0", b"x-request-id: mine", b"Content-Type: text/csv"),
        *(
            b"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            b"Trailer: X-T",
            b"X-\xff: 1",
        ),
    ]
) | st.binary(max_size=12)

BODIES = st.sampled_from(
    [
        *(
            b"",
            b"hello",
            b"hello world",
            b"0\r\n\r\n",
            b"5\r\nhello\r\n0\r\n\r\n",
            b"5;x=y\r\nhello\r\n0\r\n\r\n",
        ),
        *(
            b"5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
            b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n",
            b"5\r\nhelloX0\r\n\r\n",
            b"-1\r\n",
        ),
        *(
            b"5\nhello\n0\n\n",
            b"fffffffffffffffff\r\n",
            b"5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n",
            b"0;a\r\n\r\n",
        ),
    ]
) | st.binary(max_size=20)

REQUEST_LINES = st.sampled_from(
    [
        *(
            b"GET / HTTP/1.1",
            b"POST /p?q HTTP/1.1",
            b"POST / HTTP/1.0",
            b"HEAD / HTTP/1.1",
            b"OPTIONS * HTTP/1.1",
        ),
        *(
            b"GET http://m/x HTTP/1.1",
            b"PUT //a/../%00 HTTP/1.1",
            b"DELETE / HTTP/1.1",
            b"GET / HTTP/1.0",
            b"GET /",
        ),
        *(
            b"CONNECT m:80 HTTP/1.1",
            b"GET / HTTP/2.0",
            b"PRI * HTTP/2.0",
            b"BREW / HTTP/1.1",
            b"GET /\xc3\xa9 HTTP/1.1",
        ),
    ]
)

STATUS_LINES = st.sampled_from(
    [
        *((b"HTTP/1.1 200 OK",) * 12),
        *(b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK", b"HTTP/1.1 204 No Content", b"HTTP/1.1 304 Not Modified"),
        *(
            b"HTTP/1.1 100 Continue",
            b"HTTP/1.1 103 Early Hints",
            b"HTTP/1.1 101 Switching Protocols",
            b"HTTP/1.1 500",
        ),
        *(
            b"HTTP/2.0 200 OK",
            b"HTTP/1.1 000 x",
            b"HTTP/1.1 99 x",
            b"SSH-2.0",
            b"HTTP/1.1  200 OK",
            b"HTTP/1.1 2000 OK",
        ),
    ]
)

TOKENS = st.sampled_from(
    [
        *(
            b"\r",
            b"\n",
            b"\r\n",
            b"\r\n\r\n",
            b"\0",
            b" ",
            b"\t",
            b":",
            b";",
            b",",
            b"0",
            b"\x0b",
            b"\x7f",
            b"\xff",
        ),
        *(
            b"HTTP/1.1",
            b"0\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: m\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        ),
    ]
)


FRAMED = st.sampled_from(
    [
        ([], b""),
        ([b"Content-Length: 5"], b"hello"),
        ([b"Content-Length: 0"], b""),
        ([b"Transfer-Encoding: chunked"], b"5\r\nhello\r\n0\r\n\r\n"),
        ([b"Content-Length: 5"], b"hel"),
        ([b"Transfer-Encoding: chunked"], b"5\r\nhel"),
        ([b"Transfer-Encoding: chunked"], b"2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nX-T: 1\r\n\r\n"),
    ]
)
"""Fields, and a body as they say it is, or the beginning of one."""


@st.composite
def messages(draw: st.DrawFn, first_lines: st.SearchStrategy[bytes], usual: bytes) -> bytes:
    """One message, well-formed more often than not; `usual` is a field that most of them have."""
    framing, body = draw(FRAMED) if draw(st.integers(0, 3)) else ([], draw(BODIES))
    fields = draw(st.lists(FIELDS, max_size=3)) if draw(st.booleans()) else []
    lines = [draw(first_lines), *([usual] if draw(st.integers(0, 7)) else []), *framing, *fields]
    return b"\r\n".join([*lines, b"", b""]) + body


@st.composite
def streams(draw: st.DrawFn, first_lines: st.SearchStrategy[bytes], usual: bytes) -> list[bytes]:
    """Messages one after the other, with bytes put in, taken out or doubled; in pieces as they are sent."""
    data = b"".join(draw(st.lists(messages(first_lines, usual), min_size=1, max_size=3)))
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2, 4]))):
        at = draw(st.integers(0, len(data)))
        span = draw(st.integers(0, 3))
        match draw(st.integers(0, 2)):
            case 0:
                data = data[:at] + draw(TOKENS) + data[at:]
            case 1:
                data = data[:at] + data[at + span :]
            case _:
                data = data[: at + span] + data[at:]
    if draw(st.integers(0, 15)) == 0:
        return [data[at : at + 1] for at in range(len(data))]
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=3)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


# -- reading ---------------------------------------------------------------------------------------


class Unreadable(AssertionError):
    """What somebody got cannot be read, or means something else than it should."""


def one_response(data: bytes, method: str) -> tuple[int, bytes, bytes]:
    """(status, body, what follows) of the first final response in `data`, as h11 reads it."""
    caller = h11.Connection(h11.CLIENT, 1_000_000)
    caller.send(h11.Request(method=method, target="/", headers=[("Host", "m")]))
    caller.send(h11.EndOfMessage())
    caller.receive_data(data)
    caller.receive_data(b"")
    status, body = 0, b""
    while True:
        try:
            event = caller.next_event()
        except h11.RemoteProtocolError as error:
            raise Unreadable(f"{error} in {data!r}") from error
        match event:
            case h11.Response(status_code=status):
                pass
            case h11.Data(data=piece):
                body += bytes(piece)
            case h11.EndOfMessage():
                return status, body, caller.trailing_data[0]
            case h11.InformationalResponse():
                pass
            case _:
                raise Unreadable(f"{event} instead of a response in {data!r}")


async def send(peer: Peer, pieces: list[bytes]) -> None:
    """Send what the other side lets us."""
    loop = asyncio.get_running_loop()
    try:
        for piece in pieces:
            await loop.sock_sendall(peer.sock, piece)
            await asyncio.sleep(0)
        peer.finish()
    except OSError:
        pass


# -- targets ---------------------------------------------------------------------------------------


class Requests(Target):
    """Callers that send almost HTTP."""

    STATUSES = frozenset({200, 400, 431, 501})
    strategy = streams(REQUEST_LINES, b"Host: m")

    async def start(self, **how: Any) -> None:
        await super().start(**WHOLE, **how)
        self._model = await self._ends.enter_async_context(ReferenceModel(self.stage.listening))

    async def try_(self, pieces: list[bytes]) -> None:
        whole = await self._deliver([b"".join(pieces)])
        if len(pieces) > 1 and (cut := await self._deliver(pieces)) != whole:
            raise Unreadable(f"in pieces it came to {cut}, as a whole to {whole}")

    async def _deliver(self, pieces: list[bytes]) -> tuple[list[int], list[Understood]]:
        """The statuses that the caller got, and the requests that the model got."""
        before = len(self._model.requests)
        caller = await self.stage.caller()
        sending = asyncio.ensure_future(send(caller, pieces))
        got = await caller.rest()
        await sending
        caller.close()
        records = await self.settled()
        if self._model.faults:
            raise Unreadable(f"the model got what h11 refuses: {self._model.faults}")
        arrived = self._model.requests[before:]
        self._compare([one for one in records if one.status == 200], arrived)
        statuses = self._read(got, records)
        self._model.forget_closed()
        return statuses, [request.without_ours() for request in arrived]

    def _compare(self, told: list[Record], understood: list[Understood]) -> None:
        """What was recorded and scored is what the model understood."""
        if len(told) != len(understood):
            raise Unreadable(f"{len(told)} calls recorded, {len(understood)} requests arrived: {understood}")
        for record, request in zip(told, understood, strict=True):
            method, target = record.method.encode(), origin_form(record.target.encode("latin-1"))[0]
            body = record.request_body if record.codec else request.body
            if (method, target, body) != (request.method, request.target, request.body):
                raise Unreadable(f"recorded {record}, but {request} arrived")
            if record.request_bytes != len(request.body):
                raise Unreadable(f"{record.request_bytes} bytes recorded, {len(request.body)} arrived")

    def _read(self, got: bytes, records: list[Record]) -> list[int]:
        """What the caller got is one response for each call, and at most one refusal after them."""
        statuses = []
        for record in records:
            if record.status:
                status, _, got = one_response(got, record.method)
                statuses.append(status)
        if got:
            status, _, got = one_response(got, "HEAD" if got.endswith(b"\r\n\r\n") else "GET")
            statuses.append(status)
        if got:
            raise Unreadable(f"more than the answers: {got!r}")
        if not self.STATUSES.issuperset(statuses):
            raise Unreadable(f"statuses {statuses}")
        self.seen.update(map(str, statuses))
        return statuses


class Responses(Target):
    """Models that send almost HTTP."""

    strategy = st.tuples(
        streams(STATUS_LINES, b"X-A: 1"),
        st.sampled_from(["GET", "HEAD", "POST"]),
        st.sampled_from(["1.0", "1.1"]),
    )

    async def start(self, **how: Any) -> None:
        await super().start(**WHOLE, **how)
        self._model = await self._ends.enter_async_context(Saboteur(self.stage.listening))

    async def try_(self, example: tuple[list[bytes], str, str]) -> None:
        self._model.says, method, version = example
        self._model.said.clear()
        caller = await self.stage.caller()
        await caller.send(f"{method} /sabotage HTTP/{version}\r\nHost: m\r\n\r\n".encode())
        await asyncio.wait_for(self._model.said.wait(), 5)
        await asyncio.sleep(0.002)  # so that it is read here before anything else comes
        await self._next_call()
        self._model.hang_up()
        await send(caller, [])
        self._read(await caller.rest(), method, reset=caller.was_reset)
        caller.close()
        await self.settled()

    async def _next_call(self) -> None:
        """Another call, perhaps on the same connection: its answer must be its own."""
        token = b"token-%d" % self.seen["tried"]
        other = await self.stage.caller()
        await other.send(b"POST /%b HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n" % token)
        got = await other.rest()
        other.close()
        status, body, rest = one_response(got, "POST")
        if (status, body, rest) != (200, token, b""):
            raise Unreadable(f"the next caller got {got!r}")

    def _read(self, got: bytes, method: str, *, reset: bool) -> None:
        """What the caller got is one response, or visibly the beginning of one."""
        if reset:
            self.seen["broken off"] += 1
            return
        try:
            status, _, rest = one_response(got, method)
        except Unreadable as error:
            if "closed" not in str(error):
                raise
            self.seen["broken off"] += 1
            return
        if rest or b"x-sidecar-error: internal" in got:
            raise Unreadable(f"more than one answer, or an internal error: {got!r}")
        self.seen[str(status)] += 1


class Saboteur:
    """A model that answers /sabotage with whatever it is told to say, and everything else with the path."""

    def __init__(self, listening: socket.socket) -> None:
        self.says: list[bytes] = []
        self.said = asyncio.Event()
        self._listening = listening
        self._connections: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()

    async def __aenter__(self) -> Self:
        self._start(self._accept())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.hang_up()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def hang_up(self) -> None:
        """Close all connections."""
        for sock in self._connections:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._connections.clear()

    async def _accept(self) -> None:
        while True:
            sock, _ = await self._loop.sock_accept(self._listening)
            self._connections.append(sock)
            self._start(self._serve(sock))

    async def _serve(self, sock: socket.socket) -> None:
        got = b""
        with sock, contextlib.suppress(OSError):
            while data := await self._loop.sock_recv(sock, 65_536):
                got += data
                while b"\r\n\r\n" in got:
                    head, _, got = got.partition(b"\r\n\r\n")
                    await self._answer(sock, head.split(b" ", 2)[1][1:])

    async def _answer(self, sock: socket.socket, path: bytes) -> None:
        if path != b"sabotage":
            answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(path), path)
            await self._loop.sock_sendall(sock, answer)
            return
        try:
            for piece in self.says:
                await self._loop.sock_sendall(sock, piece)
                await asyncio.sleep(0)
        finally:
            self.said.set()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


TARGETS: dict[str, Callable[[], Target]] = {"requests": Requests, "responses": Responses}


if __name__ == "__main__":
    command(__doc__ or "", TARGETS)
