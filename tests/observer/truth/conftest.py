"""Every answer is read here, however slow the machine is: rationing has tests of its own."""

import pytest

from sidecar.observer import answers


@pytest.fixture(autouse=True)
def every_answer_is_read(monkeypatch):
    monkeypatch.setattr(answers, "SHARE", 1.0)
