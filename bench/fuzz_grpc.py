"""Fuzzes gRPC: frames that are almost HTTP/2 and calls half sent, through a real listener, on both sides.

    python -m bench.fuzz_grpc --minutes 20 [--seed 1]

Three targets. `callers`: calls with their frames in any order, some broken, doubled, left out or cut off;
the model behind reads strictly and answers each whole call with its own data. `held`: the same, with a policy
that keeps every call from the model until it has its score. `models`: answers that are almost HTTP/2. What is
looked for: a model that got what its caller did not send, or what no HTTP/2 peer may be sent; a caller that
got what the model did not say, or another's; a good call that is not answered; anything that hangs, crashes
or is logged as an error. The second opinion is `tests.proxy.grpc.reference`.

A short run with fixed seeds is part of the tests: `tests/proxy/grpc/test_fuzz.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import struct
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple, TypeVar

from hpack import Encoder
from hypothesis import strategies as st

from bench.rig.fuzzing import Target, command
from sidecar.exchange import Record
from sidecar.proxy.grpc import frames
from sidecar.proxy.grpc.frames import END_HEADERS, END_STREAM, PADDED, WITH_PRIORITY
from tests.proxy.dialogue import Peer
from tests.proxy.grpc.reference import Spoken, Stream, Strict, StrictCaller, StrictModel, theirs

Fields = list[tuple[bytes, bytes]]
T = TypeVar("T")

SAY, INFER = b"/echo.Echo/Say", b"/inference.GRPCInferenceService/ModelInfer"
CHAT = b"/inference.GRPCInferenceService/ModelStreamInfer"

SCORED = "{name: odd, when: score > 0.99, action: block}"
"""A rule that every call must be scored for before it goes on."""

# -- calls -----------------------------------------------------------------------------------------

EXTRA = st.sampled_from(
    [
        (b"team", b"red"),
        (b"raw-bin", b"\x00\xff\r\n"),
        (b"grpc-timeout", b"9S"),
        (b"grpc-encoding", b"gzip"),
        (b"x-anomaly-score", b"0"),
        (b"x-request-id", b"mine"),
        (b"traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        (b"long", b"x" * 20_000),
    ]
)
MALFORMED = st.sampled_from(
    [
        (b"Upper", b"1"),
        (b"connection", b"x"),
        (b":path", b"/again"),
        (b"a b", b"1"),
        (b"line", b"a\r\nb: c"),
        (b"te", b"gzip"),
        (b"", b""),
    ]
)
MESSAGES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"", b"\x0a\x01m", b"\x0a\x01m" + b"\x2a\x0c" + bytes(12), b"\xff" * 30]),
    st.sampled_from([20_000, 70_000]).map(bytes),
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """gRPC messages; sometimes one that is half there, or says that it is longer."""
    whole = b"".join(
        struct.pack(">BI", draw(st.sampled_from([0, 0, 0, 1])), len(one)) + one
        for one in draw(st.lists(MESSAGES, max_size=3))
    )
    return whole[: draw(st.integers(0, len(whole)))] if draw(st.integers(0, 3)) == 0 else whole


class Conversation(NamedTuple):
    """What a side sends, as pieces of bytes; `good`: nothing is wrong with it, so all of it must arrive."""

    pieces: list[bytes]
    good: bool
    patient: bool
    """Whether to look what comes back before the sending side is closed."""


@st.composite
def calls(draw: st.DrawFn) -> Conversation:
    """A caller's connection."""
    odd = draw(st.booleans())
    encoder, good = Encoder(), True
    waiting: list[list[Any]] = []
    for number in range(draw(st.integers(1, 4))):
        steps, whole = draw(_call(2 * number + 1, odd))
        waiting.append(steps)
        good = good and whole
    told = [frames.settings_frame(draw(SETTINGS) if odd else [])]
    told += draw(_mixed(waiting, encoder, odd))
    return draw(_sent(frames.PREFACE, told, odd, good and sum(map(len, told)) < frames.WINDOW))


@st.composite
def _mixed(draw: st.DrawFn, waiting: list[list[Any]], encoder: Encoder, odd: bool) -> list[bytes]:
    """The steps of several streams, in any order; but streams begin in the order of their numbers."""
    told: list[bytes] = []
    begun = 0
    while waiting:
        at = draw(st.integers(0, min(begun, len(waiting) - 1)))
        steps = waiting[at]
        begun += at == begun
        step = steps.pop(0)
        told += [step] if isinstance(step, bytes) else draw(_fields(encoder, *step))
        if not steps:
            del waiting[at]
            begun -= 1
        if odd and draw(st.integers(0, 5)) == 0:
            told.append(draw(BESIDE))
    return told


@st.composite
def _call(draw: st.DrawFn, stream: int, odd: bool) -> tuple[list[Any], bool]:
    """The steps of one call, and whether it is a whole and good one. Heads are encoded when they go out."""
    path = draw(st.sampled_from([SAY, INFER, CHAT]))
    head: Fields = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", path), (b":authority", b"m")]
    head += [(b"content-type", b"application/grpc"), (b"te", b"trailers"), (b"n", b"%d" % stream)]
    head += draw(st.lists(EXTRA, max_size=2))
    bad = odd and draw(st.integers(0, 5)) == 0
    if bad:
        head.insert(draw(st.integers(0, len(head))), draw(MALFORMED))
    body = draw(bodies())
    half = odd and draw(st.integers(0, 4)) == 0
    steps: list[Any] = [(stream, head, not body and not half)]
    cuts = sorted({0, len(body), *draw(st.lists(st.integers(0, len(body)), max_size=2))})
    for start, end in itertools.pairwise(cuts):
        for at in range(start, end, 16_384):
            piece = body[at : min(at + 16_384, end)]
            last = at + len(piece) == len(body) and not half
            steps.append(draw(_data(stream, piece, ends=last)))
    if odd and draw(st.integers(0, 5)) == 0:
        steps.append(frames.reset(stream, frames.CANCEL))
        half = True
    return steps, not (bad or half)


@st.composite
def _data(draw: st.DrawFn, stream: int, piece: bytes, *, ends: bool) -> bytes:
    flags = END_STREAM if ends else 0
    padding = draw(st.sampled_from([0, 0, 0, 1, 200]))
    if padding and len(piece) + padding < 16_384:
        return frames.frame(frames.DATA, flags | PADDED, stream, bytes([padding]) + piece + bytes(padding))
    return frames.frame(frames.DATA, flags, stream, piece)


@st.composite
def _fields(draw: st.DrawFn, encoder: Encoder, stream: int, fields: Fields, ends: bool) -> list[bytes]:
    """A header block, in one frame or several, which must stay together: one piece."""
    block = encoder.encode(fields, huffman=draw(st.booleans()))
    flags, first = END_STREAM if ends else 0, b""
    if draw(st.integers(0, 7)) == 0:
        flags, first = flags | WITH_PRIORITY, b"\x80\0\0\0\x0f"
    cuts = [0, *range(16_000, len(block), 16_000)]
    if draw(st.integers(0, 5)) == 0:
        cuts = sorted({*cuts, draw(st.integers(0, len(block)))})
    parts = [block[start:end] for start, end in zip(cuts, [*cuts[1:], len(block)], strict=True)]
    out = [frames.frame(frames.HEADERS, flags, stream, first + parts[0])]
    out += [frames.frame(frames.CONTINUATION, 0, stream, part) for part in parts[1:]]
    last = bytearray(out[-1])
    last[4] |= END_HEADERS
    return [b"".join([*out[:-1], bytes(last)])]


SETTINGS = st.lists(
    st.tuples(st.integers(0, 8), st.sampled_from([0, 1, 10, 16_384, 65_535, 100_000, 2**31 - 1, 2**32 - 1])),
    max_size=3,
)
BESIDE = st.one_of(
    SETTINGS.map(frames.settings_frame),
    st.sampled_from(
        [
            frames.frame(frames.PING, 0, 0, b"12345678"),
            frames.frame(frames.PING, frames.ACK, 0, b"12345678"),
            frames.frame(frames.SETTINGS, frames.ACK, 0),
            frames.window_update(0, 10),
            frames.window_update(1, 10),
            frames.window_update(1, 0),
            frames.window_update(0, 2**31 - 1),
            frames.goaway(1, frames.NO_ERROR, "bye"),
            frames.reset(1, frames.CANCEL),
            frames.reset(9, frames.CANCEL),
            frames.frame(frames.PRIORITY, 0, 1, b"\0\0\0\0\x10"),
            frames.frame(frames.PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\x02"),
            frames.frame(frames.CONTINUATION, END_HEADERS, 1, b""),
            frames.frame(0x20, 0xFF, 1, b"of the future"),
            frames.frame(frames.DATA, 0, 1, b"more"),
            frames.frame(frames.DATA, END_STREAM, 3, b""),
            frames.frame(frames.DATA, 0, 99, b"x"),
            frames.frame(frames.DATA, PADDED, 1, b"\x09x"),
            frames.frame(frames.HEADERS, END_HEADERS | END_STREAM, 1, b"\x00\x01t\x011"),
            frames.frame(frames.HEADERS, END_HEADERS, 4, b"\x83\x86"),
            frames.frame(frames.HEADERS, 0, 5, b"\x83"),
            frames.frame(frames.HEADERS, END_HEADERS, 7, b"\x3f\xe1\xff\xff\xff\x7f"),
        ]
    ),
)
"""Frames that stand beside calls, or where none may stand."""


@st.composite
def _sent(draw: st.DrawFn, preface: bytes, told: list[bytes], odd: bool, good: bool) -> Conversation:
    """Frames as they are sent: some of them changed, and cut anywhere."""
    if odd:
        for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2, 3]))):
            told = draw(_reordered(told))
        data = preface + b"".join(told)
        for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
            at, span = draw(st.integers(0, min(len(data), 600))), draw(st.integers(0, 4))
            data = data[:at] + draw(st.binary(max_size=4)) + data[at + span :]
        if draw(st.integers(0, 2)) == 0:
            data = data[: draw(st.integers(0, len(data)))]
    else:
        data = preface + b"".join(told)
    if draw(st.integers(0, 15)) == 0 and len(data) < 1500:
        return Conversation([data[at : at + 1] for at in range(len(data))], good and not odd, True)
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=3)))
    pieces = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    return Conversation(pieces, good and not odd, draw(st.booleans()))


@st.composite
def _reordered(draw: st.DrawFn, told: list[bytes]) -> list[bytes]:
    """One frame left out, said twice, moved, on another stream, with other flags or another length."""
    if not told:
        return told
    at = draw(st.integers(0, len(told) - 1))
    one = bytearray(told[at])
    match draw(st.integers(0, 5)):
        case 0:
            return told[:at] + told[at + 1 :]
        case 1:
            return told[: at + 1] + told[at:]
        case 2:
            rest = told[:at] + told[at + 1 :]
            to = draw(st.integers(0, len(rest)))
            return [*rest[:to], told[at], *rest[to:]]
        case 3 if len(one) >= frames.HEAD_BYTES:
            one[8] = draw(st.sampled_from([0, 1, 2, 3, 5, 7]))
        case 4 if len(one) >= frames.HEAD_BYTES:
            one[4] ^= draw(st.sampled_from([END_STREAM, END_HEADERS, PADDED, WITH_PRIORITY, 0xFF]))
        case 5 if len(one) >= frames.HEAD_BYTES:
            one[2] = (one[2] + draw(st.sampled_from([1, 255, 7]))) % 256
    return [*told[:at], bytes(one), *told[at + 1 :]]


# -- answers ---------------------------------------------------------------------------------------

HEADS = st.sampled_from(
    [
        *([(b":status", b"200"), (b"content-type", b"application/grpc")],) * 6,
        [(b":status", b"200"), (b"content-type", b"application/grpc"), (b"grpc-status", b"5")],
        [(b":status", b"103"), (b"link", b"x")],
        [(b":status", b"503"), (b"content-type", b"text/html")],
        [(b":status", b"2")],
        [(b"content-type", b"application/grpc")],
        [(b":status", b"200"), (b"connection", b"x")],
        [(b":status", b"200"), (b"x-anomaly-score", b"0"), (b"k-bin", b"\r\n\0")],
    ]
)
TRAILERS = st.sampled_from(
    [
        *([(b"grpc-status", b"0")],) * 4,
        [(b"grpc-status", b"13"), (b"grpc-message", b"broken")],
        [(b":status", b"200")],
        [(b"Upper", b"1")],
        [(b"x-sidecar-error", b"forged"), (b"grpc-status", b"0")],
    ]
)
ASKED = (1, 3, 5)


@st.composite
def answers(draw: st.DrawFn) -> Conversation:
    """What a model says to three calls."""
    odd, encoder = draw(st.booleans()), Encoder()
    waiting: list[list[Any]] = []
    for stream in ASKED:
        steps: list[Any] = [(stream, draw(HEADS), odd and draw(st.integers(0, 5)) == 0)]
        steps += [
            draw(_data(stream, one, ends=False)) for one in draw(st.lists(st.binary(max_size=30), max_size=2))
        ]
        if not (odd and draw(st.integers(0, 4)) == 0):
            steps.append((stream, draw(TRAILERS), True))
        waiting.append(steps)
    told = [frames.settings_frame(draw(SETTINGS) if odd else [])]
    return draw(_sent(b"", told + draw(_mixed(waiting, encoder, odd)), odd, False))


# -- targets ---------------------------------------------------------------------------------------


class Peers(Target):
    """What the targets share: a model's side that takes every connection, callers that read what comes."""

    async def start(self, **how: Any) -> None:
        await super().start(grpc=True, **how)
        self._tasks: set[asyncio.Task[None]] = set()
        self.models: list[StrictModel] = []
        self._start(self._accept())

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await super().stop()

    def _start(self, work: Any) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _accept(self) -> None:
        while True:
            sock, _ = await asyncio.get_running_loop().sock_accept(self.stage.listening)
            sock.setblocking(False)
            self._start(self._serve(sock))

    async def _serve(self, sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError):
            self.models.append(model := StrictModel(sock))
            await model.serve()

    @contextlib.asynccontextmanager
    async def calling(self, streams: set[int]) -> AsyncIterator[tuple[Peer, StrictCaller]]:
        """A new connection, and what reads by itself whatever comes there."""
        peer = await self.stage.grpc_caller()
        reading = StrictCaller(peer.sock, streams)
        self._start(reading.serve())
        try:
            yield peer, reading
        finally:
            with contextlib.suppress(OSError):
                peer.finish()
            await self.stage.until(lambda: reading.over, "the caller's connection to be closed")
            peer.close()

    async def over(self, *peers: Strict) -> None:
        for peer in peers:
            await self.stage.until(lambda peer=peer: peer.over, "the other side to close")
            if peer.fault:
                raise AssertionError(
                    f"{type(peer).__name__} got what it must not get: {peer.fault}: {peer.raw!r}"
                )

    async def own_answer(self, token: bytes) -> None:
        """Another caller's call is answered with its own data."""
        encoder = Encoder()
        head = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", SAY), (b":authority", b"m")]
        block = frames.headers(1, encoder.encode([*head, (b"content-type", b"application/grpc")]), ends=False)
        body = frames.frame(frames.DATA, END_STREAM, 1, token)
        async with self.calling({1}) as (peer, reading):
            await peer.send(frames.PREFACE + frames.settings_frame([]) + block + body)
            stream = reading.streams[1]
            await self.stage.until(lambda: stream.ended or reading.over, "the next call's answer")
        await self.over(reading)
        if stream.data != token or dict(stream.heads[-1])[b"grpc-status"] != b"0":
            raise AssertionError(f"the next caller asked {token!r} and got {stream}")


class Callers(Peers):
    """Callers that send almost HTTP/2."""

    strategy = calls()

    async def try_(self, example: Conversation) -> None:
        self.models.clear()
        spoken = Spoken((sent := b"".join(example.pieces))[len(frames.PREFACE) :])
        async with self.calling(set(spoken.streams)) as (peer, reading):
            await send(peer, example.pieces)
            if example.good:
                streams = [one for number, one in reading.streams.items() if number]
                await self.stage.until(
                    lambda: all(one.ended for one in streams) or reading.over, f"an answer to {sent!r}"
                )
            elif example.patient:
                await quiet(lambda: len(reading.raw))
        await self.over(reading)
        records = await self.settled()
        await self.over(*self.models)
        self._compare(spoken, reading, records, good=example.good)
        if self.seen["tried"] % 50 == 0:
            await self.own_answer(b"token %d" % self.seen["tried"])
            await self.settled()

    def _compare(self, spoken: Spoken, reading: StrictCaller, records: list[Record], *, good: bool) -> None:
        """What arrived was sent, and what came back is its answer."""
        arrived: dict[int, Stream] = {}
        """By the caller's number: calls that were kept back have others at the model."""
        for number, got in ((n, one) for model in self.models for n, one in model.streams.items()):
            rest = [one for one in spoken.streams if one not in arrived]
            meant = [one for one in rest if is_part_of(got, spoken.streams[one])]
            if not meant:
                raise AssertionError(f"the model got, on stream {number}, {got}, of {spoken.streams}")
            arrived[number if number in meant else meant[0]] = got
            self.seen["arrived whole" if got.ended else "arrived in part"] += 1
        for number, answer in reading.streams.items():
            if not answer.ended:
                self.seen["broken off"] += 1
                continue
            last = dict(answer.heads[-1])
            if b"x-sidecar-error" in last or (b"x-policy-action" in last and not answer.data):
                self.seen[last.get(b"x-sidecar-error", b"empty").decode()] += 1
            elif answer.data != arrived[number].data or not arrived[number].ended:
                raise AssertionError(
                    f"stream {number} was answered {answer}, the model got {arrived[number]}"
                )
            else:
                self.seen["answered"] += 1
        if good and any(not one.ended for number, one in reading.streams.items() if number):
            raise AssertionError(f"a good call came to {reading.streams}")
        paths = {
            dict(head).get(b":path", b"").decode("latin-1")
            for s in spoken.streams.values()
            for head in s.heads
        }
        if strange := [record for record in records if record.target not in paths]:
            raise AssertionError(f"recorded, but never sent: {strange}")


class Held(Callers):
    """The same, while every call is kept until it has its score."""

    async def start(self, **how: Any) -> None:
        from tests.policy.documents import policy

        await super().start(policies=policy(SCORED), **how)


class Models(Peers):
    """Models that answer with almost HTTP/2."""

    strategy = answers()

    async def start(self, **how: Any) -> None:
        self.says: list[bytes] | None = None
        self.said = asyncio.Event()
        await super().start(**how)

    async def _serve(self, sock: socket.socket) -> None:
        says, self.says = self.says, None
        if says is None:
            await super()._serve(sock)
            return
        loop, got = asyncio.get_running_loop(), b""
        with sock, contextlib.suppress(OSError):
            while got.count(SAY) < len(ASKED):
                if not (data := await loop.sock_recv(sock, 65_536)):
                    return
                got += data
            for piece in says:
                await loop.sock_sendall(sock, piece)
                await asyncio.sleep(0)
            self.said.set()
            if not self.patient:
                sock.shutdown(socket.SHUT_WR)
            while await loop.sock_recv(sock, 65_536):
                pass
        self.said.set()

    async def try_(self, example: Conversation) -> None:
        self.models.clear()
        self.says, self.patient = example.pieces, example.patient
        self.said.clear()
        spoken = Spoken(b"".join(example.pieces))
        async with self.calling(set(ASKED)) as (peer, reading):
            await peer.send(ASKING)
            await self.stage.until(lambda: self.said.is_set() or reading.over, "the model to have said it")
            await quiet(lambda: len(reading.raw))
        await self.over(reading)
        await self.settled()
        for number, got in reading.streams.items():
            last = dict(got.heads[-1]) if got.heads else {}
            if b"x-sidecar-error" in last:
                if last[b"x-sidecar-error"] in (b"forged", b"internal"):
                    raise AssertionError(f"{last} on stream {number}")
                self.seen[last[b"x-sidecar-error"].decode()] += 1
                got = Stream(got.heads[:-1], got.data)
            else:
                self.seen["answered" if got.ended else "broken off"] += 1
            if not is_part_of(got, said := spoken.streams.get(number, Stream())):
                raise AssertionError(f"the caller got, on stream {number}, {got}, of {said}")
        if self.seen["tried"] % 10 == 0:
            await self.own_answer(b"token %d" % self.seen["tried"])
            await self.settled()


def _asking() -> bytes:
    encoder = Encoder()
    head = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", SAY), (b":authority", b"m")]
    heads = [encoder.encode([*head, (b"n", b"%d" % n), (b"path", SAY)][:5]) for n in ASKED]
    return b"".join(
        [
            frames.PREFACE,
            frames.settings_frame([]),
            *(frames.headers(n, b, ends=True) for n, b in zip(ASKED, heads, strict=True)),
        ]
    )


ASKING = _asking()

# -- comparing -------------------------------------------------------------------------------------


def is_part_of(got: Stream, said: Stream) -> bool:
    """Whether `got` is what was said, or the beginning of it."""
    heads, expected = [theirs(head) for head in got.heads], [theirs(head) for head in said.heads]
    if heads != expected[: len(heads)] or not said.data.startswith(got.data):
        return False
    return not got.ended or (said.ended and got.data == said.data and len(heads) == len(expected))


async def send(peer: Peer, pieces: list[bytes]) -> None:
    """Send what the other side lets us."""
    with contextlib.suppress(OSError):
        for piece in pieces:
            await asyncio.get_running_loop().sock_sendall(peer.sock, piece)
            await asyncio.sleep(0)


async def quiet(size: Callable[[], int]) -> None:
    """Until nothing has come for some turns of the loop."""
    still, last = 0, -1
    while still < 3:
        await asyncio.sleep(0.001)
        still, last = (still + 1, last) if size() == last else (0, size())


TARGETS: dict[str, Callable[[], Target]] = {"callers": Callers, "held": Held, "models": Models}


if __name__ == "__main__":
    command(__doc__ or "", TARGETS)
