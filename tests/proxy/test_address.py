"""Addresses as settings write them."""

import pytest

from sidecar.errors import UsageError
from sidecar.proxy.address import Address, listen, upstream

UPSTREAMS = {
    # setting: (address, as it is shown, what a Host field says of it)
    "http://127.0.0.1:8080": (Address("127.0.0.1", 8080), "127.0.0.1:8080", b"127.0.0.1:8080"),
    "http://model": (Address("model", 80), "model:80", b"model:80"),
    "https://model": (Address("model", 443, tls=True), "model:443", b"model:443"),
    "http://[::1]:8080": (Address("::1", 8080), "[::1]:8080", b"[::1]:8080"),
    "unix:/run/model.sock": (
        Address("localhost", path="/run/model.sock"),
        "unix:/run/model.sock",
        b"localhost",
    ),
}


@pytest.mark.parametrize("setting", UPSTREAMS)
def test_upstreams(setting):
    address, shown, authority = UPSTREAMS[setting]
    assert upstream(setting) == address
    assert str(address) == shown
    assert address.authority == authority


@pytest.mark.parametrize("setting", ["ftp://m", "m:80", "http://", "", "http:///x"])
def test_no_upstreams(setting):
    with pytest.raises(UsageError, match="expected http://host:port"):
        upstream(setting)


def test_listening_addresses():
    assert listen("127.0.0.1:9700") == Address("127.0.0.1", 9700)
    assert listen("[::1]:9700") == Address("::1", 9700)


@pytest.mark.parametrize("setting", ["9700", "127.0.0.1", "host:port", ""])
def test_no_listening_addresses(setting):
    with pytest.raises(UsageError, match="expected host:port"):
        listen(setting)
