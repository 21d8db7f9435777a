"""Starts a chain: three model servers, a sidecar before each; and calls it.

Counterparts: `examples.chain.server` is one of the models, `examples.chain.__main__` has the story.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from examples import launch
from examples.chain.server import FAMILIES, rows_of, tensor
from examples.launch import Server
from examples.processes import Process, free_port, python

QUIET = ("--learn-rows", "1000000")
"""Nobody here looks at scores, and a fit would take the one core from the models."""


class Chain:
    """A running chain of three models. `nested`: each asks the next; else we carry answers on by hand."""

    def __init__(self, family: str, nested: bool) -> None:
        self.family, self.nested = family, nested
        self.names: tuple[str, ...] = FAMILIES[family].NAMES
        self.sidecars: dict[str, Server] = {}
        self.answered = 0
        self._models: dict[str, Process] = {}
        self._commands: dict[str, list[str]] = {}
        self._addresses: dict[str, str] = {}

    def start(self, directory: Path, stack: ExitStack, env: Mapping[str, str]) -> None:
        """Start everything, the last model first: each is told where the next one is."""
        following: Server | None = None
        admins = {name: f"127.0.0.1:{free_port()}" for name in self.names}
        for name in reversed(self.names):
            place = directory / name
            place.mkdir()
            others = ",".join(f"{other}=http://{at}" for other, at in admins.items() if other != name)
            flags = [*QUIET, "--peers", others]
            asks = ""
            if following is not None and self.nested:
                egress = f"127.0.0.1:{free_port()}"
                after = self.names[self.names.index(name) + 1]
                flags += ["--egress", egress, "--route", f"{after}={following.url}"]
                asks = f"http://{egress}/{after}/v2/models/{after}/infer"
            self._addresses[name] = address = f"127.0.0.1:{free_port()}"
            self._commands[name] = python(
                "examples.chain.server", "--family", self.family, "--model", name, "--listen", address
            ) + (["--next", asks] if asks else [])
            self._start_model(name, place, 1)
            stack.callback(lambda name=name: self._models[name].stop())
            named = {"OTEL_SERVICE_NAME": name, **env}
            started = launch.sidecar(f"http://{address}", place, flags, named, admins[name])
            following = self.sidecars[name] = stack.enter_context(started)
        for name in self.names:
            self._wait(name)

    def _start_model(self, name: str, place: Path, version: int) -> None:
        self._models[name] = Process(
            "model", [*self._commands[name], "--release", str(version)], place, {"OMP_NUM_THREADS": "1"}
        )

    def _wait(self, name: str) -> None:
        self._models[name].wait_for(f"http://{self._addresses[name]}/v2/health/ready", 90)

    def release(self, name: str, version: int, directory: Path) -> None:
        """Replace a model by another version of it, at the same address."""
        self._models[name].stop()
        self._start_model(name, directory / name, version)
        self._wait(name)

    @property
    def admins(self) -> list[str]:
        """Where the sidecars can be asked, in the order of the chain."""
        return [self.sidecars[name].admin_url for name in self.names]

    def ask(self, row: list[Any]) -> str:
        """One question all the way: the label that the last model gives."""
        rows, outputs = [row], []
        for name in self.names[:1] if self.nested else self.names:
            body = msgspec.json.encode({"inputs": [tensor("question", rows)]})
            outputs = msgspec.json.decode(self._post(name, body))["outputs"]
            rows = rows_of(msgspec.json.encode({"inputs": outputs[:1]}))
        self.answered += 1
        return str(outputs[0]["data"][0])

    def _post(self, name: str, body: bytes) -> bytes:
        connection = http.client.HTTPConnection(self.sidecars[name].url.removeprefix("http://"), timeout=30)
        try:
            connection.request("POST", f"/v2/models/{name}/infer", body, {"Content-Type": "application/json"})
            reply = connection.getresponse()
            content = reply.read()
        finally:
            connection.close()
        if reply.status != 200:
            raise RuntimeError(f"{name} answered {reply.status}: {content[:300]!r}")
        return content


@contextmanager
def running(
    family: str, directory: Path, nested: bool, env: Mapping[str, str] | None = None
) -> Iterator[Chain]:
    """A chain of the family, ready to be asked; it ends with the context."""
    chain = Chain(family, nested)
    with ExitStack() as stack:
        chain.start(directory, stack, env or {})
        yield chain
