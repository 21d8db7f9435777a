"""One socket for both families, and what is said where it cannot be."""

import socket

import pytest

from sidecar.listening import bound


def port_of(one: socket.socket) -> int:
    return int(one.getsockname()[1])


@pytest.mark.parametrize(
    ("host", "reached"),
    [
        ("127.0.0.1", ["127.0.0.1"]),
        ("::1", ["::1"]),
        ("::", ["127.0.0.1", "::1"]),
        ("0.0.0.0", ["127.0.0.1"]),
    ],
)
def test_reached_by_every_family_that_was_asked_for(host, reached):
    if host.startswith("::") and not _has_ipv6():
        pytest.skip("this machine has no IPv6")
    with bound(host, 0) as one:
        for address in reached:
            socket.create_connection((address, port_of(one)), timeout=5).close()


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as one:
            one.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_shared_and_not():
    with bound("127.0.0.1", 0, shared=True) as one:
        bound("127.0.0.1", port_of(one), shared=True).close()
    with bound("127.0.0.1", 0) as one, pytest.raises(OSError, match="in use"):
        bound("127.0.0.1", port_of(one))


def test_without_ipv6_all_addresses_are_those_of_ipv4(monkeypatch):
    """As on a machine started with ipv6.disable=1, which this one isn't: that kernel's answer is given."""
    real = socket.socket

    def without(family=-1, *rest, **more):
        if family == socket.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        return real(family, *rest, **more)

    monkeypatch.setattr(socket, "socket", without)
    with bound("::", 0) as one:
        assert one.getsockname()[0] == "0.0.0.0"
