"""A real baseline for the report's tests, fitted once."""

import pytest

from sidecar.scoring.baseline import Baseline
from tests.observer.real import draw, fitted


@pytest.fixture(scope="session")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Baseline:
    return fitted(draw(1500, seed=1), tmp_path_factory.mktemp("digits"))
