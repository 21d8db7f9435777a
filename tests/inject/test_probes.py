"""Probes still mean what they meant. The golden pods have whole ones."""

import pytest

from sidecar.inject.probes import MODEL_ACCEPTS, MODEL_ACCEPTS_GRPC, named, rewritten, speaks_tls
from sidecar.inject.reasons import NotInjected


def container(**probes):
    return {"name": "m", "ports": [{"containerPort": 8080, "name": "http"}], **probes}


def changed(one, moved=0):
    return dict(rewritten(one, 8080, moved, 9702))


@pytest.mark.parametrize("port", [8080, "http"])
def test_tcp_asks_the_sidecar_or_the_new_port(port):
    one = container(livenessProbe={"tcpSocket": {"port": port}, "timeoutSeconds": 7, "periodSeconds": 3})
    kept = {"timeoutSeconds": 7, "periodSeconds": 3}
    asked = {**kept, "httpGet": {"path": MODEL_ACCEPTS, "port": 9702}}
    assert changed(one) == {("livenessProbe",): asked}
    assert changed(one, moved=18080) == {("livenessProbe",): {**kept, "tcpSocket": {"port": 18080}}}


@pytest.mark.parametrize(
    "probe",
    [
        {"httpGet": {"port": 8080}},
        {"exec": {"command": ["true"]}},
        {"tcpSocket": {"port": 8081}},
        {"tcpSocket": {"port": 8080, "host": "10.0.0.1"}},
        {"grpc": {"port": 8081}},
        {"httpGet": {"port": 8081, "scheme": "HTTPS"}},
        {},
    ],
)
def test_the_rest_stays(probe):
    assert changed(container(readinessProbe=probe)) == {}


@pytest.mark.parametrize(
    ("probe", "reason"),
    [({"grpc": {"port": 8080}}, "not-http"), ({"httpGet": {"port": "http", "scheme": "HTTPS"}}, "model-tls")],
)
def test_a_probe_may_show_that_the_port_cannot_be_read(probe, reason):
    with pytest.raises(NotInjected) as caught:
        changed(container(startupProbe=probe))
    assert caught.value.reason == reason


@pytest.mark.parametrize("port", [8081, "grpc"])
def test_a_tcp_probe_of_the_port_for_grpc_asks_the_sidecar_too_and_a_grpc_probe_passes(port):
    one = container(livenessProbe={"tcpSocket": {"port": port}}, readinessProbe={"grpc": {"port": 8081}})
    one["ports"].append({"containerPort": 8081, "name": "grpc"})
    asked = {"httpGet": {"path": MODEL_ACCEPTS_GRPC, "port": 9702}}
    assert dict(rewritten(one, 8080, 0, 9702, 8081)) == {("livenessProbe",): asked}


def test_which_probe_speaks_tls():
    assert (
        speaks_tls(container(livenessProbe={"httpGet": {"port": 8080, "scheme": "HTTPS"}}), 8080)
        == "livenessProbe"
    )
    assert speaks_tls(container(livenessProbe={"httpGet": {"port": 8080}}), 8080) == ""


def test_names_of_ports():
    assert named(container()) == {"http": 8080}
