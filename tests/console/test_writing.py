import pytest
from aiohttp.test_utils import make_mocked_request

from sidecar.console.problem import Problem
from sidecar.console.writing import check


def refused(**headers):
    request = make_mocked_request(
        "POST", "/", {name.replace("_", "-"): value for name, value in headers.items()}
    )
    try:
        check(request, ("text/csv", "application/json"))
    except Problem as problem:
        return problem.status
    return None


JSON = {"Content_Type": "application/json; charset=utf-8"}


@pytest.mark.parametrize("host", ["127.0.0.1:9702", "localhost:9702", "[::1]:9702", "10.1.2.3"])
def test_a_page_of_this_address_may_write(host):
    assert refused(Host=host, Origin=f"http://{host}", Sec_Fetch_Site="same-origin", **JSON) is None


@pytest.mark.parametrize("host", ["127.0.0.1:9702", "sidecar.default.svc:9702"])
def test_what_is_no_browser_may_write(host):
    assert refused(Host=host, **JSON) is None
    assert refused(Host=host, Content_Type="text/csv") is None


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:9702", "http://evil.test"),
        ("127.0.0.1:9702", "http://127.0.0.1:8000"),
        ("127.0.0.1:9702", "null"),
        ("127.0.0.1:9702", ""),
        ("127.0.0.1:9702", "http://["),
        ("[", "http://["),
        ("rebound.evil.test:9702", "http://rebound.evil.test:9702"),
        ("localhost.evil.test", "http://localhost.evil.test"),
        ("127.0.0.1:9702", "http://user@127.0.0.1:9702"),
    ],
)
def test_a_foreign_page_may_not(host, origin):
    assert refused(Host=host, Origin=origin, **JSON) == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "whatever"])
def test_a_request_that_another_site_made_may_not(site):
    assert refused(Host="127.0.0.1", Sec_Fetch_Site=site, **JSON) == 403


@pytest.mark.parametrize(
    "type_", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/html"]
)
def test_what_a_form_can_send_is_refused(type_):
    assert refused(Host="127.0.0.1", Content_Type=type_) == 415
