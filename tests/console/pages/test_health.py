import pytest

from sidecar.console import views
from sidecar.console.pages import health
from sidecar.observer.observer import Observer
from tests.console.admin import drifted
from tests.console.seen import HOSTILE, check
from tests.observer.test_observer import Clock, settings


def test_what_is_lost_is_told_with_its_reason(baseline):
    observer = drifted(baseline)
    observer.traffic.left_out[HOSTILE] = 7
    seen = check(
        "".join(health.parts(views.status(observer), [("listen", HOSTILE, False), ("admin", "x", True)]))
    )
    assert f"left out of windows{HOSTILE}7" in seen.words
    assert baseline.digest in seen.words
    assert "1 more are as they come" in seen.words


def test_a_baseline_that_cannot_be_read_and_learning_that_failed_are_told():
    broken = Observer(settings(baseline="/nowhere"), Clock())
    assert "cannot be read" in check("".join(health.parts(views.status(broken), []))).words
    learning = Observer(settings(), Clock())
    learning.learning.failed("all columns are constant")
    assert "all columns are constant" in check("".join(health.parts(views.status(learning), []))).words


@pytest.mark.parametrize(
    ("name", "value", "public"),
    [
        ("alert-url", "https://hooks.test/services/SECRET", "https://hooks.test/…"),
        ("capture", "s3://me:SECRET@bucket/x?key=SECRET", "s3://bucket/x"),
        ("redact", "column:iban", "column:iban"),
        ("workers", 2, 2),
    ],
)
def test_settings_are_shown_without_secrets(name, value, public):
    assert health.public(name, value) == public
