"""The data plane runs on uvloop in production, so it does in its tests; and who is believed over TLS."""

import asyncio
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import uvloop

from sidecar.baseline.fit import fit
from sidecar.scoring.baseline import Baseline
from tests.proxy.certificates import Authority


class Loop(uvloop.Loop):
    """uvloop, with one difference: a connection left open is a failure when the loop is closed.

    Warnings are errors in the tests, and an error at that place would keep uvloop from closing what it warns
    of: it would wait forever.
    """

    def close(self) -> None:
        with warnings.catch_warnings(record=True) as left_open:
            warnings.simplefilter("always")
            super().close()
        assert not left_open, [str(warning.message) for warning in left_open]


def pytest_asyncio_loop_factories(config, item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": Loop}


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ours")


@pytest.fixture
def theirs(tmp_path: Path) -> Authority:
    """An authority that nobody here trusts."""
    return Authority(tmp_path, "theirs")


@pytest.fixture(scope="session")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Baseline:
    """A baseline of three columns of numbers around 50."""
    folder = tmp_path_factory.mktemp("amounts")
    X = np.random.default_rng(0).normal(50, 9, (500, 3))
    np.savez(folder / "amounts.npz", X=X, columns=["a", "b", "c"])
    return fit(folder / "amounts.npz", folder / "baseline", ["ecod"]).baseline
