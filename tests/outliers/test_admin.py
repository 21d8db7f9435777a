"""Against a server that answers as told, good and bad; the real one is asked in tests/stories."""

import msgspec
import pytest

from examples.processes import free_port
from sidecar.console import cohort_view
from sidecar.errors import SidecarError, UsageError
from sidecar.observer.observer import Observer
from sidecar.outliers import admin
from tests.observer.test_observer import settings
from tests.test_asking import answering


def test_what_the_sidecar_answers_before_a_search_is_understood():
    body = msgspec.json.encode(cohort_view.cohorts(Observer(settings())))
    with answering(body) as (url, heard):
        found = admin.cohorts(f"{url}/", refresh=True)
        admin.cohorts(url, refresh=False)
    assert (found.searched, found.cohorts) == (None, ())
    assert heard.paths == ["/api/v1/cohorts?refresh=true", "/api/v1/cohorts"]


def test_a_strange_name_stays_one_part_of_the_path():
    with answering(b"{}", 404) as (url, heard), pytest.raises(SidecarError):
        admin.rows(url, "../status?x=1")
    assert heard.paths == ["/api/v1/cohorts/..%2Fstatus%3Fx%3D1"]


def test_a_refusal_is_told_in_the_sidecars_words():
    with answering(b'{"detail": "id: 7 is not a cohort now; there is 1, singles"}', 404) as (url, _):
        with pytest.raises(SidecarError) as refused:
            admin.rows(url, "7")
        assert str(refused.value) == f"{url}: id: 7 is not a cohort now; there is 1, singles"


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"<html>", 200, "an answer that this version cannot read"),
        (b"{}", 200, "cannot read .*is that a sidecar's admin address"),
        (b"<html>", 500, "answered 500; is that a sidecar's admin address"),
    ],
)
def test_an_answer_of_somebody_else_is_not_believed(body, status, words):
    with answering(body, status) as (url, _), pytest.raises(SidecarError, match=words):
        admin.cohorts(url, refresh=False)


def test_nobody_there():
    with pytest.raises(SidecarError, match=r"no answer \(.*refused\); is this the admin address"):
        admin.cohorts(f"http://127.0.0.1:{free_port()}", refresh=True)


@pytest.mark.parametrize("url", ["127.0.0.1:9702", "file:///etc/passwd", "http://", ""])
def test_what_is_no_address_is_refused(url):
    with pytest.raises(UsageError, match="is not a URL such as http:"):
        admin.cohorts(url, refresh=True)


def test_proxies_of_the_environment_are_not_asked(monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    body = msgspec.json.encode(cohort_view.cohorts(Observer(settings())))
    with answering(body) as (url, _):
        assert admin.cohorts(url, refresh=False).cohorts == ()
