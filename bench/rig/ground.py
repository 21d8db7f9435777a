"""The ground everything is measured on: directory, ports, backend, baseline; cleared at the end."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from types import TracebackType

from bench.rig import backends, peers
from bench.rig.payloads import Payload
from bench.rig.peers import Peer, Site
from bench.rig.processes import Ports, Tree, stops_on_signals
from bench.rig.proof import prove
from bench.rig.wrk import Wrk


class Ground:
    """Use it as a context: on the way in the backend starts, on the way out every tree is stopped."""

    def __init__(self, payloads: list[Payload], *, baseline: bool) -> None:
        self.payloads = payloads
        self._wants_baseline = baseline
        self._stack = contextlib.ExitStack()
        self._ports = Ports()

    def __enter__(self) -> Ground:
        with contextlib.ExitStack() as stack:
            stack.enter_context(stops_on_signals())
            self.directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sidecar-bench-")))
            self._baseline = peers.fit(self.directory) if self._wants_baseline else self.directory
            self.backend = backends.fixed(self.payloads, self.directory / "backend", self._ports.free())
            stack.callback(self.backend.stop)
            # Apart from the backend, whose calls are counted.
            self._receiver = backends.fixed([], self.directory / "receiver", self._ports.free())
            stack.callback(self._receiver.stop)
            self.backend.wait_until_listening()
            self._receiver.wait_until_listening()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def free_port(self) -> int:
        """A port that nobody else here uses."""
        return self._ports.free()

    def site(self, name: str, upstream: int) -> Site:
        """A fresh directory and fresh ports for a proxy called `name`."""
        directory = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.directory))
        return Site(
            directory=directory,
            port=self._ports.free(),
            admin=self._ports.free(),
            upstream=upstream,
            baseline=self._baseline,
            traces=self._receiver.port,
        )

    def start(self, peer: Peer, upstream: int | None = None) -> Tree:
        """Start a proxy in front of the fixed backend, or of another port; it is stopped with the ground."""
        tree = peer.start(self.site(peer.name, upstream or self.backend.port))
        self._stack.callback(tree.stop)
        return tree

    def start_proven(self, peer: Peer) -> Tree:
        """Start a proxy and make sure that it does what is going to be timed. Raises NotWorking."""
        tree = self.start(peer)
        for payload in self.payloads:
            prove(peer, tree.port, payload)
        return tree

    def start_bulk_backend(self) -> Tree:
        tree = backends.bulk(self.directory / "bulk.log", self._ports.free())
        self._stack.callback(tree.stop)
        tree.wait_until_listening()
        return tree

    def wrk(self, payload: Payload, core: int | None = None) -> Wrk:
        """The load generator for one payload, on one core if given."""
        bodies = self.directory / "bodies" / payload.name
        if not bodies.exists():
            payload.write(bodies)
        return Wrk(payload, bodies, core)
