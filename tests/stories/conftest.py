"""Real processes for the stories: a model server, a baseline made by `sidecar fit`, and sidecars before it.

Every process has free ports, is awaited, and ends with its test or session; when one does not come up, the
test fails with what the process wrote last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from examples import launch
from examples.flight import Flight
from examples.flight import flight as read_flight

StartSidecar = Callable[..., launch.Server]
"""`start_sidecar(upstream_url, *flags, env={})`: a sidecar that takes traffic."""


@pytest.fixture(scope="session")
def flight() -> Flight:
    return read_flight()


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[launch.Server]:
    """The V2 server of the examples, shared: it keeps no state."""
    with launch.model(tmp_path_factory.mktemp("model")) as server:
        yield server


@pytest.fixture(scope="session")
def baseline(flight: Flight, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A baseline directory that `sidecar fit` wrote for the model of the examples."""
    return launch.fit(flight, tmp_path_factory.mktemp("baseline"))


@pytest.fixture
def start_sidecar(tmp_path: Path) -> Iterator[StartSidecar]:
    """Starts sidecars that end with the test."""
    with ExitStack() as ends:

        def start(upstream: str, *flags: str, env: dict[str, str] | None = None) -> launch.Server:
            return ends.enter_context(launch.sidecar(upstream, tmp_path, flags, env))

        yield start
