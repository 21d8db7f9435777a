"""Questions of the sidecar's own to a model, whose answers come back whole. No caller waits for one.

They go over connections of their own, so that nothing they meet can touch a call. Counterparts:
`sidecar.proxy.upstream` carries what callers ask; `sidecar.proxy.shadowing` asks here.
"""

from __future__ import annotations

import asyncio
import ssl
from time import monotonic

import httptools

from sidecar.errors import CallFailed, UsageError, translated
from sidecar.exchange import Reply
from sidecar.proxy.address import upstream as address_of
from sidecar.proxy.connecting import connect
from sidecar.proxy.heads import RequestHead, ResponseHead, response_head
from sidecar.proxy.tls import upstream_context
from sidecar.proxy.upstream import IDLE_SECONDS, MAX_HEAD_BYTES
from sidecar.settings import Settings


class Connection(asyncio.Protocol):
    """One connection to a model, with one question at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # set by connection_made
        self.idle_since = 0.0
        self.keeps = False
        """Whether it may be asked again."""
        self._loop = loop
        self._answer: asyncio.Future[Reply] | None = None
        self._begin(None, 0)

    def _begin(self, asked: RequestHead | None, most: int) -> None:
        self._asked, self._most = asked, most
        self._parser = httptools.HttpResponseParser(self)
        self._fields: list[tuple[bytes, bytes]] = []
        self._reason = b""
        self._head: ResponseHead | None = None
        self._interim = False
        self._pieces: list[bytes] = []
        self._size = self._head_bytes = 0

    async def ask(self, asked: RequestHead, request: bytes, most: int) -> Reply:
        """Write a whole request whose head means `asked`; the answer, of at most `most` bytes. Raises
        CallFailed."""
        self._begin(asked, most)
        self.keeps = False
        self._answer = self._loop.create_future()
        self.transport.write(request)
        return await self._answer

    # -- asyncio's side ------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            self.transport.close()  # it belongs to nobody
            return
        self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            self._fail(translated(error.__context__))
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(CallFailed("upstream-malformed", str(error)))
        if self._head_bytes > MAX_HEAD_BYTES:
            self._fail(CallFailed("upstream-malformed", f"more than {MAX_HEAD_BYTES} bytes of fields"))

    def connection_lost(self, exc: Exception | None) -> None:
        self.keeps = False
        if self._head is not None and self._head.until_close and exc is None:
            self._answered()
        else:
            self._fail(CallFailed("response-truncated" if self._head is not None else "upstream-closed"))

    # -- the parser's side ---------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._fields, self._reason = [], b""

    def on_status(self, reason: bytes) -> None:
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        status, version = self._parser.get_status_code(), self._parser.get_http_version()
        assert self._asked is not None
        head = response_head(
            status, self._reason, version, tuple(self._fields), self._asked, frozenset[bytes]()
        )
        self._interim = head.status < 200
        if self._interim:
            return
        self._head = head
        if head.bodiless:  # llhttp cannot be told that HEAD has no body
            self._answered()
            self.keeps = False

    def on_body(self, data: bytes) -> None:
        self._head_bytes = 0
        self._size += len(data)
        if self._size > self._most:
            raise CallFailed("upstream-malformed", f"an answer of more than {self._most} bytes")
        self._pieces.append(data)

    def on_message_complete(self) -> None:
        if not self._interim:
            self._answered()

    # -- ends ----------------------------------------------------------------------------------

    def _answered(self) -> None:
        head = self._head
        if head is not None and self._answer is not None and not self._answer.done():
            self.keeps = head.keeps
            self._answer.set_result(Reply(head.status, head.fields, b"".join(self._pieces)))

    def _fail(self, failed: CallFailed) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(failed)
            self.transport.abort()


class Questions:
    """The connections of one worker to the models that it asks questions of its own, by URL."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._idle: dict[str, list[Connection]] = {}
        self._tls: ssl.SSLContext | None = None

    async def ask(
        self, url: str, asked: RequestHead, request: bytes, *, most: int, settings: Settings
    ) -> Reply:
        """Send a whole request to the model at `url`; its answer, of at most `most` bytes, within
        `upstream-timeout`. Raises CallFailed."""
        try:
            async with asyncio.timeout(settings.upstream_timeout):
                connection = self._take(url) or await self._open(url, settings)
                try:
                    return await connection.ask(asked, request, most)
                finally:
                    self._give_back(url, connection)
        except TimeoutError as error:
            raise CallFailed("upstream-timeout", f"no answer in {settings.upstream_timeout} s") from error

    def _take(self, url: str) -> Connection | None:
        idle = self._idle.get(url)
        while idle:
            connection = idle.pop()
            if not connection.transport.is_closing():
                return connection
        return None

    async def _open(self, url: str, settings: Settings) -> Connection:
        address = address_of(url)
        tls = await self._context(settings) if address.tls else None
        name = settings.upstream_server_name if url == settings.upstream else ""
        return await connect(address, lambda: Connection(self._loop), settings.connect_timeout, tls, name)

    async def _context(self, settings: Settings) -> ssl.SSLContext | None:
        """Made once, and in a thread: reading the certificates of the system takes tens of milliseconds."""
        if self._tls is None:
            try:
                self._tls = await asyncio.to_thread(upstream_context, settings, True)
            except UsageError as error:  # the files have changed since they were looked at
                raise CallFailed("internal", str(error)) from error
        return self._tls

    def _give_back(self, url: str, connection: Connection) -> None:
        if not connection.keeps:
            connection.transport.close()
            return
        connection.idle_since = monotonic()
        self._idle.setdefault(url, []).append(connection)

    def expire(self, now: float) -> None:
        """Close what has been idle for `IDLE_SECONDS`."""
        for url, idle in list(self._idle.items()):
            while idle and now - idle[0].idle_since > IDLE_SECONDS:
                idle.pop(0).transport.close()
            if not idle:
                del self._idle[url]

    def close(self) -> None:
        """Close all idle connections."""
        for idle in self._idle.values():
            for connection in idle:
                connection.transport.close()
        self._idle.clear()
