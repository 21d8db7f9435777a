"""Where an outbound call goes, and what is said of a route that is none."""

import pytest

from sidecar.errors import CallFailed, UsageError
from sidecar.proxy.address import Address
from sidecar.proxy.egress.routes import Target, routes, target, tunnelled

INTENT = Address("intent.svc", 9700)
NAMED = routes("intent=http://intent.svc:9700, vault=https://vault, near=unix:/run/near.sock")


def test_routes_are_read():
    assert {
        "intent": INTENT,
        "vault": Address("vault", 443, tls=True),
        "near": Address("near", path="/run/near.sock"),
    } == NAMED
    assert routes("") == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("intent", 'route "intent": expected name=http://host:port, such as intent=http://intent:9700'),
        ("in tent=http://a:1", 'route "in tent=http://a:1": expected name=http://host:port'),
        ("a=http://x:1,a=http://y:1", 'route "a=http://y:1": there is another route called a'),
        ("a=ftp://x", 'route "a=ftp://x": expected http://host:port, https://host:port or unix:/path'),
    ],
)
def test_a_wrong_route_is_named(text, said):
    with pytest.raises(UsageError) as error:
        routes(text)
    assert str(error.value).startswith(said)


@pytest.mark.parametrize(
    ("asked", "host", "found"),
    [
        ("/intent/v2/models/m/infer?x=1", "127.0.0.1:9701", Target(INTENT, "/v2/models/m/infer?x=1")),
        ("/intent", "h", Target(INTENT, "/")),
        ("/intent?x=1", "h", Target(INTENT, "/?x=1")),
        ("/predict", "intent", Target(INTENT, "/predict")),
        ("/predict", "intent:80", Target(INTENT, "/predict")),
        ("http://intent/predict", "intent", Target(INTENT, "/predict")),
        ("http://intent:81/predict", "intent:81", Target(Address("intent", 81), "/predict")),
        ("http://other:8080/a?b#c", "other", Target(Address("other", 8080), "/a?b")),
        ("http://[::1]:8080", "", Target(Address("::1", 8080), "/")),
        ("https://other/a", "other", Target(Address("other", 443, tls=True), "/a")),
        ("/near/a", "h", Target(Address("near", path="/run/near.sock"), "/a")),
    ],
)
def test_a_call_goes_where_it_says(asked, host, found):
    assert target(NAMED, asked, host) == found


@pytest.mark.parametrize(
    ("asked", "host", "found"),
    [
        ("/intent/x", "other", Target(Address("10.0.0.9", 80), "/intent/x")),
        ("/x", "intent", Target(INTENT, "/x")),
        ("http://other/x", "other", Target(Address("other", 80), "/x")),
    ],
)
def test_a_call_that_was_led_here_goes_where_it_was_going(asked, host, found):
    assert target(NAMED, asked, host, Address("10.0.0.9", 80)) == found


@pytest.mark.parametrize(
    ("asked", "cause"),
    [
        ("/unknown/x", "no-route"),
        ("*", "bad-request"),
        ("ftp://a/b", "bad-request"),
        ("http:///b", "bad-request"),
        ("http://a:99999/b", "bad-request"),
        ("http://[/b", "bad-request"),
    ],
)
def test_a_call_to_nowhere_is_refused(asked, cause):
    with pytest.raises(CallFailed) as failed:
        target(NAMED, asked, "h")
    assert failed.value.cause == cause


def test_a_tunnel_needs_host_and_port():
    assert tunnelled("example.org:443") == Address("example.org", 443)
    assert tunnelled("[::1]:443") == Address("::1", 443)
    wrongs = ("example.org", ":443", "example.org:0", "example.org:70000", "example.org:x", "")
    for wrong in (*wrongs, "a]b:443", "[a]:443", "::1:443", "u@h:443", "a:" + "9" * 5000):
        with pytest.raises(CallFailed, match="host:port"):
            tunnelled(wrong)
