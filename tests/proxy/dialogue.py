"""A call as a dialogue: a scripted caller, the real data plane, a scripted model, on real sockets.

    async with sidecar() as stage:
        caller = await stage.caller()
        await caller.send(b"GET / HTTP/1.1\r\nHost: m\r\n\r\n")
        model = await stage.model()
        assert forwarded(await model.head()) == b"GET / HTTP/1.1\r\nHost: m\r\n\r\n"
        await model.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        assert (await caller.response()).body == b"ok"

Nothing reads or answers unless the test says so: a slow reader is a peer that is not asked to read. When the
stage closes, the laws that hold after every dialogue are checked: no call and no connection is left over,
nothing was logged as an error, no exception was lost in the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import socket
import struct
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from sidecar.errors import FAILURES
from sidecar.exchange import Outbound, Record
from sidecar.link import Batch, Frames, Order, batch, frame
from sidecar.policy import handing
from sidecar.policy.checking import check_text
from sidecar.proxy.plane import Plane
from sidecar.proxy.worker import Worker
from sidecar.settings import RETUNED, Settings

MEGABYTE = bytes(range(256)) * 4096

PATIENCE = 30.0
"""Seconds after which a peer that waits in vain says what it got so far."""


class Response(NamedTuple):
    """A response as a caller reads it; `head` are its bytes up to and with the empty line."""

    status: int
    head: bytes
    body: bytes
    trailers: bytes = b""

    def field(self, name: str) -> str | None:
        """The one value of this field, or None. Fails when there are several."""
        found = fields(self.head, name)
        assert len(found) < 2, f"{name} came {len(found)} times"
        return found[0] if found else None

    def problem(self) -> dict[str, Any]:
        """The body, if this is an answer of sidecar's own. Fails unless it is as RFC 9457 wants it, and says
        what the table of failures says."""
        cause = self.field("x-sidecar-error")
        assert cause is not None
        expected = FAILURES[cause]
        assert self.status == expected.status
        assert self.field("content-type") == "application/problem+json"
        assert self.field("retry-after") == ("1" if self.status == 503 else None)
        problem: dict[str, Any] = json.loads(self.body)
        assert set(problem) == {"type", "title", "status", "detail", "instance"}
        assert problem["type"] == f"urn:sidecar:error:{cause}"
        assert (problem["status"], problem["title"]) == (expected.status, expected.title)
        assert problem["detail"].endswith(expected.advice)
        assert "Traceback" not in problem["detail"]
        return problem


def http(*lines: str, body: bytes = b"") -> bytes:
    """A message from the lines of its head, and its body."""
    return "\r\n".join((*lines, "", "")).encode("latin-1") + body


GET = http("GET / HTTP/1.1", "Host: m")
POST = http("POST / HTTP/1.1", "Host: m", "Content-Length: 2", body=b"hi")
OK = http("HTTP/1.1 200 OK", "Content-Length: 2", body=b"ok")


def fields(head: bytes, name: str) -> list[str]:
    """The values of all fields of this name in a raw head."""
    lines = [line.partition(b":") for line in head.split(b"\r\n")[1:]]
    return [value.strip().decode("latin-1") for key, _, value in lines if key.lower() == name.encode()]


# -- peers -----------------------------------------------------------------------------------------


class Peer:
    """One end of a connection, moved by hand."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.unread = b""
        self.ended = False
        """The other side has closed, or reset, the connection."""
        self.was_reset = False
        self._loop = asyncio.get_running_loop()

    async def send(self, data: bytes, *, size: int = 0) -> None:
        """Send `data`; in pieces of `size` bytes, each in a packet of its own, when that is not 0."""
        for start in range(0, len(data), size or len(data) or 1):
            await self._in_time(self._loop.sock_sendall(self.sock, data[start : start + (size or len(data))]))
            if size:
                await asyncio.sleep(0)

    async def until(self, marker: bytes) -> bytes:
        """All bytes up to and with `marker`."""
        while marker not in self.unread:
            assert await self._more(), f"ended before {marker!r}: {self.unread!r}"
        return self._take(self.unread.index(marker) + len(marker))

    async def exactly(self, count: int) -> bytes:
        """The next `count` bytes."""
        while len(self.unread) < count:
            assert await self._more(), f"ended after {len(self.unread)} of {count} bytes"
        return self._take(count)

    async def head(self) -> bytes:
        return await self.until(b"\r\n\r\n")

    async def request(self) -> bytes:
        """One request, raw: its head, and the body if its length is announced."""
        head = await self.head()
        return head + await self.exactly(sum(map(int, fields(head, "content-length"))))

    async def rest(self) -> bytes:
        """Everything until the other side closes."""
        while await self._more():
            pass
        return self._take(len(self.unread))

    async def response(self, *, to: str = "GET") -> Response:
        """One response, read as RFC 9112 section 6.3 says."""
        head = await self.head()
        status = int(head[9:12])
        if to == "HEAD" or status < 200 or status in (204, 304):
            return Response(status, head, b"")
        if fields(head, "transfer-encoding") == ["chunked"]:
            return Response(status, head, *await self.chunks())
        lengths = fields(head, "content-length")
        return Response(status, head, await (self.exactly(int(lengths[0])) if lengths else self.rest()))

    async def problem(self, cause: str, *, to: str = "GET") -> dict[str, Any]:
        """One answer of sidecar's own for this cause, as RFC 9457 wants it and the table of failures says."""
        response = await self.response(to=to)
        assert response.field("x-sidecar-error") == cause, response
        return {} if to == "HEAD" else response.problem()

    async def flood(self, megabytes: int, unit: bytes = b"x") -> int:
        """Send `unit` again and again until it is done or nothing more is taken for a while; the
        megabytes that were taken."""
        megabyte = unit * (2**20 // len(unit))
        for sent in range(megabytes):
            try:
                async with asyncio.timeout(0.3):
                    await self._loop.sock_sendall(self.sock, megabyte)
            except (TimeoutError, ConnectionError):
                return sent
        return megabytes

    async def chunks(self) -> tuple[bytes, bytes]:
        """A chunked body to its end: its data, its trailers."""
        body = trailers = b""
        while piece := await self.chunk():
            body += piece
        while (line := await self.until(b"\r\n")) != b"\r\n":
            trailers += line
        return body, trailers

    async def chunk(self) -> bytes:
        """The next chunk of a chunked body; empty for the last one, whose trailers are left unread."""
        size = int(await self.until(b"\r\n"), 16)
        return (await self.exactly(size + 2))[:-2] if size else b""

    async def arrives(self) -> bool:
        """Wait for whatever comes next: more, or the end."""
        return bool(self.unread) or await self._more()

    async def quiet(self, seconds: float = 0.03) -> None:
        """Fails if anything comes, also an end, within `seconds`."""
        assert not self.unread, self.unread
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                data = await self._loop.sock_recv(self.sock, 65_536)
                raise AssertionError(
                    f"expected silence, got {data!r}" if data else "expected silence, got the end"
                )

    async def gone(self) -> None:
        """Wait for the end of the connection. Fails if a byte comes before it."""
        rest = await self.rest()
        assert not rest, rest

    def finish(self) -> None:
        """Close the sending side only."""
        self.sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.sock.close()

    def reset(self) -> None:
        """Close with a reset, as a process does that dies with unread data."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    async def _more(self) -> bool:
        if self.ended:
            return False
        try:
            data = await self._in_time(self._loop.sock_recv(self.sock, 262_144))
        except ConnectionError:
            self.was_reset = True
            data = b""
        self.unread += data
        self.ended = not data
        return bool(data)

    def _take(self, count: int) -> bytes:
        taken, self.unread = self.unread[:count], self.unread[count:]
        return taken

    async def _in_time(self, work: Awaitable[Any]) -> Any:
        try:
            async with asyncio.timeout(PATIENCE):
                return await work
        except TimeoutError:
            raise AssertionError(f"waited {PATIENCE} s, so far there is {self.unread[-2000:]!r}") from None


def listening(*, host: str = "127.0.0.1", send_buffer: int = 0) -> socket.socket:
    """A socket that listens on a free port. `send_buffer`: bytes that the kernel takes unsent from those it
    accepts."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    if send_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, 0))
    sock.listen(128)
    sock.setblocking(False)
    return sock


class Observer:
    """The other end of the link: keeps what it is told, gives orders when told to."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.batches: list[Batch] = []
        self.records: list[Record] = []
        self.outbound: list[Outbound] = []
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    async def listen(self) -> None:
        self._server = await asyncio.start_unix_server(self._hear, self.path)

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        frames = Frames()
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                for body in frames.update(data):
                    self.batches.append(batch(body))
                    self.records += self.batches[-1].records
                    self.outbound += self.batches[-1].outbound
        writer.close()

    def order(self, order: Order | bytes) -> None:
        """Send an order, or any bytes, to the data plane."""
        self._writers[-1].write(order if isinstance(order, bytes) else frame(order))

    async def close(self) -> None:
        """End as a process does: nobody listens any more, and all connections break."""
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.close()
        await asyncio.sleep(0)


# -- the stage -------------------------------------------------------------------------------------


class Stage:
    """One data plane between callers and a model, all in this event loop. Made by `sidecar`."""

    def __init__(
        self, worker: Worker, address: tuple[str, int], model: socket.socket, observer: Observer
    ) -> None:
        self.worker = worker
        self.address = address
        self.observer = observer
        self.faults: Faults
        self.grpc_address: tuple[str, int] | None = None
        """Where calls come in over gRPC."""
        self.listening = model
        """Where the model listens, for a model other than `Stage.model`."""
        self._peers: list[Peer] = []
        self._loop = asyncio.get_running_loop()

    @property
    def plane(self) -> Plane:
        return self.worker.plane

    @property
    def run_dir(self) -> Path:
        return Path(self.observer.path).parent

    async def caller(self, *, receive_buffer: int = 0) -> Peer:
        """A new connection to the sidecar. `receive_buffer`: bytes that the kernel takes for a caller who
        does not read."""
        sock = socket.socket(socket.AF_INET6 if ":" in self.address[0] else socket.AF_INET)
        sock.setblocking(False)
        return await self._called(sock, self.address, receive_buffer)

    async def grpc_caller(self, *, receive_buffer: int = 0) -> Peer:
        """A new connection to the sidecar's gRPC address."""
        assert self.grpc_address is not None
        sock = socket.socket()
        sock.setblocking(False)
        return await self._called(sock, self.grpc_address, receive_buffer)

    async def _called(self, sock: socket.socket, address: tuple[str, int], receive_buffer: int) -> Peer:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        peer = self._peer(sock)
        await self._loop.sock_connect(sock, address)
        return peer

    async def retune(self, settings: Settings) -> None:
        """What the supervisor and its signal bring about: other settings, while calls go on."""
        (self.run_dir / RETUNED).write_bytes(msgspec.json.encode(settings))
        self.worker.retune()

    async def modelled(self) -> Peer:
        """A new connection of the model to the sidecar's egress."""
        host, _, port = self.worker.plane.settings.egress.partition(":")
        sock = socket.socket()
        sock.setblocking(False)
        peer = self._peer(sock)
        await self._loop.sock_connect(sock, (host, int(port)))
        return peer

    async def accept(self, listening: socket.socket) -> Peer:
        """The next connection that the sidecar opens to `listening`."""
        async with asyncio.timeout(PATIENCE):
            sock, _ = await self._loop.sock_accept(listening)
        return self._peer(sock)

    async def model(self) -> Peer:
        """The next connection that the sidecar opens to the model."""
        try:
            async with asyncio.timeout(PATIENCE):
                sock, _ = await self._loop.sock_accept(self.listening)
        except TimeoutError:
            raise AssertionError("the sidecar opened no connection to the model") from None
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._peer(sock)

    async def no_model(self, seconds: float = 0.03) -> None:
        """Fails if the sidecar opens another connection to the model within `seconds`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._loop.sock_accept(self.listening)
                raise AssertionError("the sidecar opened a connection to the model")

    async def begin(self, request: bytes) -> tuple[Peer, Peer]:
        """A call that waits for its answer: the caller, and the model with the request read."""
        caller = await self.caller()
        await caller.send(request)
        model = await self.model()
        await model.request()
        return caller, model

    async def call(self, request: bytes, answer: bytes, *, to: str = "GET") -> tuple[bytes, Response]:
        """One caller with one request, one answer: what the model got, and what the caller got."""
        caller = await self.caller()
        await caller.send(request)
        model = await self.model()
        got = await model.request()
        await model.send(answer)
        response = await caller.response(to=to)
        caller.close()
        model.close()
        return got, response

    async def calls(self, count: int, model: Peer | None = None, request: bytes = GET) -> Peer:
        """`count` calls one after the other, all answered; the model's connection, to go on with."""
        caller = await self.caller()
        for _ in range(count):
            await caller.send(request)
            model = model or await self.model()
            await model.request()
            await model.send(OK)
            await caller.response()
        caller.close()
        assert model is not None
        return model

    async def records(self, count: int = 1) -> list[Record]:
        """What the observer was told, once there are `count` records."""

        def told() -> bool:
            self.plane.teller.flush()
            return len(self.observer.records) >= count

        await self.until(told, f"{count} records")
        return self.observer.records

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until the condition holds."""
        limit = self._loop.time() + PATIENCE
        while not condition():
            assert self._loop.time() < limit, f"waited {PATIENCE} s in vain for {what}"
            await asyncio.sleep(0.002)

    async def leave(self) -> None:
        """All peers hang up; afterwards nothing may be left over."""
        self.hang_up()
        plane = self.plane
        await self.until(lambda: not plane.clients, "the callers' connections to be closed")
        await self.until(lambda: not plane.grpc_clients, "the callers' gRPC connections to be closed")
        await self.until(lambda: plane.in_flight == 0, "all calls to end")
        await self.until(lambda: plane.pool.open == 0, "the model's connections to be closed")

    def hang_up(self) -> None:
        for peer in self._peers:
            peer.close()

    def _peer(self, sock: socket.socket) -> Peer:
        peer = Peer(sock)
        self._peers.append(peer)
        return peer


@contextlib.asynccontextmanager
async def sidecar(
    *,
    model: socket.socket | None = None,
    baseline: Any = None,
    host: str = "127.0.0.1",
    send_buffer: int = 0,
    observed: bool = True,
    errors: int = 0,
    egress: bool = False,
    grpc: bool = False,
    baseline_directory: str = "",
    policies: str = "",
    **settings: Any,
) -> AsyncIterator[Stage]:
    """A stage with a worker as production wires it, and `settings` other than the defaults.

    `model`: a listening socket other than a plain one; `baseline`: what the worker scores with, or
    `baseline_directory`, for it to load;
    `send_buffer`: bytes that the kernel takes for callers who do not read; `observed`: whether there is an
    observer from the start; `errors`: how many errors this dialogue is meant to log; `egress`: whether the
    model's own calls are taken too; `grpc`: whether calls are taken over gRPC, for the same model;
    `policies`: the text of a policy file that is in force.
    """
    own = listening() if model is None else model
    settings.setdefault("upstream", f"http://127.0.0.1:{own.getsockname()[1]}")
    settings.setdefault("drain_timeout", 0.0)
    settings.setdefault("connect_timeout", PATIENCE)  # a machine that stands still is not a model that does
    front = listening(host=host, send_buffer=send_buffer)
    outward = listening() if egress else None
    if outward is not None:
        settings["egress"] = "{}:{}".format(*outward.getsockname())
    door = listening(send_buffer=send_buffer) if grpc else None
    if door is not None:
        settings["grpc_listen"] = "{}:{}".format(*door.getsockname())
        settings.setdefault("grpc_upstream", settings["upstream"])
    with tempfile.TemporaryDirectory() as directory, Faults() as faults, own:
        if policies:
            settings["policy"] = "policy.yaml"
            put_in_force(policies, Path(directory))
        worker = Worker(Settings(baseline=baseline_directory, **settings), Path(directory), 0)
        stage = Stage(worker, front.getsockname()[:2], own, Observer(f"{directory}/observer.sock"))
        stage.faults = faults
        stage.grpc_address = door.getsockname() if door is not None else None
        if observed:
            await stage.observer.listen()
        await worker.start(front, outward, door)
        if baseline is not None:
            worker.plane.judge.baseline = baseline
        try:
            yield stage
            await stage.leave()
        finally:
            stage.hang_up()
            await worker.stop()
            await stage.observer.close()
        faults.check(errors)


def put_in_force(policies: str, directory: Path) -> None:
    """Hand policies over to the worker of this run directory, as the process that checks them would."""
    checked = check_text(policies)
    assert checked.policies is not None, checked.wrong
    handing.write(directory, handing.IN_FORCE, checked.policies)


class Faults(logging.Handler):
    """What must not happen unnoticed while a stage is open: errors in the log, exceptions in the loop."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._lost: list[dict[str, Any]] = []
        self._logged: list[str] = []

    def __enter__(self) -> Faults:
        logging.getLogger("sidecar").addHandler(self)
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: self._lost.append(context))
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("sidecar").removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
        self._logged.append(f"{record.getMessage()}\n{trace}")

    def check(self, expected: int) -> None:
        assert not self._lost, f"lost in the event loop: {self._lost}"
        assert len(self._logged) == expected, f"{expected} errors expected in the log: {self._logged}"


# -- what sidecar adds -----------------------------------------------------------------------------

_TO_MODEL = re.compile(
    rb"traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]\r\n"
    rb"baggage: sidecar\.chain=[^\r\n]+\r\n"
    rb"(?:x-request-id: [0-9a-f]{32}\r\n)?\r\n"
)
_TO_CALLER = re.compile(
    rb"(?:x-anomaly-verdict: [^\r\n]*\r\nx-policy-action: [^\r\n]*\r\n)?"
    rb"x-request-id: [^\r\n]+\r\n"
    rb"traceresponse: 00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]\r\n"
)


def forwarded(request: bytes) -> bytes:
    """A request as the model got it, without the fields that sidecar adds to every head. Fails
    when they are not there, once, at the end of the head."""
    head, end, body = request.partition(b"\r\n\r\n")
    rest, added = _TO_MODEL.subn(b"\r\n", head + end)
    assert added == 1, request
    return rest + body


def without_ours(requests: bytes) -> bytes:
    """Any number of requests as the model got them, without the fields that sidecar adds."""
    return _TO_MODEL.sub(b"\r\n", requests)


def answered(head: bytes) -> bytes:
    """A response's head as the caller got it, without the fields of an unscored call that sidecar adds.
    Fails when they are not there, once."""
    rest, added = _TO_CALLER.subn(b"", head)
    assert added == 1, head
    return rest
