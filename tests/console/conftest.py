"""A real baseline for the console's tests, fitted once, and observers with rows to be grouped."""

import numpy as np
import pytest

from sidecar.baseline.cohorts.finding import find
from sidecar.observer import answers
from sidecar.observer.observer import Observer
from sidecar.scoring.baseline import Baseline
from tests.observer.real import DATA, draw, fitted
from tests.observer.talk import of_rows
from tests.observer.test_observer import Clock, settings


@pytest.fixture(scope="session")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Baseline:
    return fitted(draw(1500, seed=1), tmp_path_factory.mktemp("digits"))


@pytest.fixture(autouse=True)
def every_answer_is_read(monkeypatch):
    """However slow the machine is: rationing has tests of its own."""
    monkeypatch.setattr(answers, "SHARE", 1.0)


@pytest.fixture
def observer(baseline):
    """It has heard 50 rows of a digit unknown to the baseline, 20 other flagged ones, and 200 clean ones."""
    with np.load(DATA) as arrays:
        zeros = arrays["X"][arrays["y"] == 1][:50].astype(float)
    odd = np.concatenate((zeros, draw(20, seed=1)))
    facts = {"flagged": (0,), "row_p": (0.005,), "version": "2"}
    observer = Observer(settings(baseline=baseline.directory, threshold=0.05), Clock())
    observer.take_in([of_rows(i, row[None], baseline.digest, **facts) for i, row in enumerate(odd)])
    clean = [of_rows(100 + i, row[None], baseline.digest) for i, row in enumerate(draw(200, seed=2))]
    observer.take_in(clean)
    return observer


@pytest.fixture
def grouped(observer):
    observer.cohorts.demand()
    question = observer.cohorts.due(observer.clock())
    answer = find(question, observer.schema.fields, draw(300, seed=3))
    observer.clock.now += 2.0
    observer.cohorts.answered(answer, observer.clock())
    return observer
