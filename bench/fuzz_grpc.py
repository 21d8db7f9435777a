"""Fuzzes gRPC: frames that are almost HTTP/2 and calls half sent, through a real listener, on both sides.

    python -m bench.fuzz_grpc --minutes 20 [--seed 1]

Three targets. `callers`: calls with their frames in any order, some broken, doubled, left out or cut off;
the model behind reads strictly and answers each whole call with its own data. `held`: the same, with a policy
that keeps every call from the model until it has its score. `models`: answers that are almost HTTP/2. What is
looked for: a model that got what its caller did not send, or what no HTTP/2 peer may be sent; a caller that
got what the model did not say, or another's; a good call that is not answered; anything that hangs, crashes
or is logged as an error. What is sent is made in
`bench.rig.almost_http2`; the second opinion is `tests.proxy.grpc.reference`.

A short run with fixed seeds is part of the tests: `tests/proxy/grpc/test_fuzz.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

from hpack import Encoder

from bench.rig.almost_http2 import ASKED, ASKING, SAY, Conversation, answers, calls
from bench.rig.fuzzing import Target, command
from sidecar.exchange import Record
from sidecar.proxy.grpc import frames
from sidecar.proxy.grpc.frames import END_STREAM
from tests.proxy.dialogue import Peer
from tests.proxy.grpc.reference import Spoken, Stream, Strict, StrictCaller, StrictModel, theirs

SCORED = "{name: odd, when: score > 0.99, action: block}"
"""A rule that every call must be scored for before it goes on."""

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
