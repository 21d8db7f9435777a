"""A Service leads to the sidecar, and back."""

import pytest

from sidecar.inject import json_patch
from sidecar.inject.annotations import STATUS
from sidecar.inject.reasons import NotInjected
from sidecar.inject.service import led, undone
from tests.inject.validity import valid_in_schemas


def service(*ports, **annotations):
    asked = {f"sidecar.observe/{name.replace('_', '-')}": text for name, text in annotations.items()}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "fraud", **({"annotations": asked} if asked else {})},
        "spec": {"selector": {"app": "fraud"}, "ports": list(ports)},
    }


HTTP = {"name": "http", "port": 80, "targetPort": 8080}
GRPC = {"name": "grpc", "port": 81, "targetPort": 8081}


@pytest.mark.parametrize("port", [HTTP, {**HTTP, "targetPort": "http"}, {"port": 80}])
def test_led_to_the_sidecar_and_back(port):
    given = service(port, GRPC, traffic="service")
    found = led(given)
    assert (found.outcome, found.pod["spec"]["ports"]) == ("injected", [{**port, "targetPort": 9700}, GRPC])
    valid_in_schemas(found.pod)
    assert led(found.pod).pod == found.pod
    assert undone(found.pod) == given


def test_the_port_may_be_told():
    found = led(service(HTTP, {"port": 9, "targetPort": 7}, traffic="service", port="7", listen_port="9999"))
    assert found.pod["spec"]["ports"][1]["targetPort"] == 9999


@pytest.mark.parametrize("grpc", [GRPC, {**GRPC, "targetPort": "rpc"}, {"port": 8081, "appProtocol": "grpc"}])
def test_grpc_is_led_as_well_where_it_is_asked_for(grpc):
    given = service(HTTP, grpc, traffic="service", grpc_port="8081")
    found = led(given)
    assert found.message.endswith(f"port 80 leads to the sidecar on 9700, {grpc['port']} to 9703")
    assert [port["targetPort"] for port in found.pod["spec"]["ports"]] == [9700, 9703]
    valid_in_schemas(found.pod)
    assert led(found.pod).pod == found.pod
    assert undone(found.pod) == given


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (service(HTTP, traffic="service", grpc_port="8081"), "no-port"),
        (
            service(HTTP, GRPC, {**GRPC, "name": "grpc2"}, traffic="service", grpc_port="8081"),
            "several-ports",
        ),
        (service(HTTP), "not-asked"),
        (service(HTTP, traffic="redirect"), "not-asked"),
        (service(HTTP, traffic="service", inject="false"), "pod-says-no"),
        (service(HTTP, {"port": 9}, traffic="service"), "several-ports"),
        (service(GRPC, traffic="service"), "no-port"),
        (service({"port": 53, "protocol": "UDP"}, traffic="service"), "no-port"),
        ({"kind": "Service", "metadata": service(traffic="service")["metadata"]}, "no-port"),
        (service(HTTP, traffic="services"), "bad-annotation"),
    ],
)
def test_left_as_it_is(given, reason):
    found = led(given)
    assert (found.reason, json_patch.patch(given, found.pod)) == (reason, [])


def test_asked_on_the_command_line():
    assert led(service(HTTP), asks=True).outcome == "injected"
    assert led(service(HTTP, traffic="port"), asks=True).reason == "not-asked"


def test_a_status_that_was_edited():
    with pytest.raises(NotInjected, match="was edited"):
        undone({"metadata": {"annotations": {STATUS: "x"}}, "spec": {}})


@pytest.mark.parametrize("spec", [[], {"ports": "80"}, {"ports": [7]}, {"ports": [{"targetPort": 1}]}])
def test_what_is_no_service_is_refused(spec):
    odd = {**service(HTTP, traffic="service"), "spec": spec}
    found = led(odd)
    assert (found.outcome, found.reason, found.pod) == ("refused", "not-a-template", odd)


def test_a_service_that_lost_its_spec_loses_our_status():
    found = led(service(HTTP, traffic="service")).pod
    assert STATUS not in str(undone({**found, "spec": None}))


def test_a_port_that_somebody_has_led_elsewhere_since():
    found = led(service(HTTP, traffic="service")).pod
    found["spec"]["ports"][0]["targetPort"] = 5
    assert undone(found)["spec"]["ports"][0]["targetPort"] == 5
