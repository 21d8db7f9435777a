"""One caller on one connection, for proofs and counts; what is timed is sent by wrk.

A request leaves in one piece, as wrk's do: with headers ahead of the body, the fixed backend would answer
before the body has come.
"""

from __future__ import annotations

import http.client
import socket
from http.client import HTTPMessage
from typing import NamedTuple

from bench.rig.payloads import Payload

_PATIENCE = 120.0
"""Seconds. A connection waits in the backlog while the proxy starts, and under callgrind that takes long."""


class Answer(NamedTuple):
    status: int
    headers: HTTPMessage
    body: bytes


class Caller:
    """Sends bodies of one payload, one after the other. Use it as a context."""

    def __init__(self, port: int, payload: Payload) -> None:
        self._payload = payload
        self._socket = socket.create_connection(("127.0.0.1", port), _PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def call(self, body: bytes) -> Answer:
        """One whole exchange. Raises OSError or http.client.HTTPException when it breaks."""
        head = [
            f"POST {self._payload.target} HTTP/1.1",
            "Host: 127.0.0.1",
            *self._payload.headers,
            f"Content-Length: {len(body)}",
        ]
        self._socket.sendall("\r\n".join([*head, "", ""]).encode() + body)
        answer = http.client.HTTPResponse(self._socket, method="POST")
        answer.begin()
        return Answer(answer.status, answer.headers, answer.read())
