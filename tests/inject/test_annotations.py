"""Every annotation read; whatever is wrong refused with what would be right."""

import msgspec
import pytest

from sidecar.inject.annotations import ANNOTATIONS, PREFIX, SETTINGS, STATUS, Wishes, wishes
from sidecar.inject.reasons import NotInjected

RIGHT = {
    "inject": ("true", True),
    "traffic": ("port", "port"),
    "port": ("65535", 65535),
    "container": ("kserve-container", "kserve-container"),
    "grpc-port": ("8081", 8081),
    "grpc-listen-port": ("9703", 9703),
    "port-env": ("HTTP_PORT", "HTTP_PORT"),
    "moved-port": ("18080", 18080),
    "upstream-host": ("pod-ipv6", "pod-ipv6"),
    "egress-ports": ("80,8080", (80, 8080)),
    "route": ("a=http://a:1", "a=http://a:1"),
    "listen-port": ("1", 1),
    "admin-port": ("9999", 9999),
    "image": ("registry.example:5000/a/b@sha256:0", "registry.example:5000/a/b@sha256:0"),
    "image-pull-policy": ("Never", "Never"),
    "image-pull-secret": ("a", "a"),
    "cpu-request": ("0.5", "0.5"),
    "cpu-limit": ("500m", "500m"),
    "memory-request": ("1Gi", "1Gi"),
    "memory-limit": ("1G", "1G"),
    "run-as-user": ("none", "none"),
    "service-name": ("fraud_EU.2", "fraud_EU.2"),
    "baseline": ("s3://b/x#sha256=0", "s3://b/x#sha256=0"),
    "admin-token": ("model-sidecar-tokens", "model-sidecar-tokens"),
    "config": ("settings", "settings"),
}


def asked(**annotations: str) -> Wishes:
    return wishes({"annotations": {f"{PREFIX}{name}": text for name, text in annotations.items()}})


@pytest.mark.parametrize("name", ANNOTATIONS)
def test_right_value(name):
    text, value = RIGHT[name]
    assert msgspec.to_builtins(asked(**{name: text}))[name] == value


@pytest.mark.parametrize("name", ANNOTATIONS)
@pytest.mark.parametrize("text", ["", "no such value", "ä", "1\n"])
def test_wrong_value_is_refused_with_the_right_ones(name, text):
    with pytest.raises(
        NotInjected, match=f"(?s){PREFIX}{name}: .*is not {ANNOTATIONS[name].values}"
    ) as caught:
        asked(**{name: text})
    assert caught.value.outcome == "rejected"


@pytest.mark.parametrize("port", ["0", "65536", "-1", "08", "1.5", "99999"])
def test_ports_are_ports(port):
    with pytest.raises(NotInjected):
        asked(port=port)


def test_values_may_be_anything_that_json_can_hold():
    with pytest.raises(NotInjected, match=r"7 is not|'7' is not"):
        wishes({"annotations": {f"{PREFIX}traffic": 7}})


def test_a_name_that_is_nearly_right():
    with pytest.raises(NotInjected, match=r"did you mean sidecar\.observe/port-env"):
        asked(**{"port-emv": "PORT"})


def test_others_annotations_are_not_ours():
    assert wishes({"annotations": {"example.com/port": "x", STATUS: "{}", "port": "y"}}) == Wishes()
    assert wishes({"annotations": None, "labels": None}) == Wishes()


def test_settings_are_those_of_the_sidecar():
    assert wishes({"annotations": {f"{SETTINGS}threshold": "0.05"}}).settings == {"threshold": "0.05"}
    with pytest.raises(NotInjected, match="threshold"):
        wishes({"annotations": {f"{SETTINGS}threshold": "5"}})
    with pytest.raises(NotInjected, match="treshold"):
        wishes({"annotations": {f"{SETTINGS}treshold": "0.05"}})
    with pytest.raises(NotInjected, match="the pod decides it"):
        wishes({"annotations": {f"{SETTINGS}listen": "0.0.0.0:1"}})


def test_contradictions():
    with pytest.raises(NotInjected, match="are the same"):
        asked(**{"listen-port": "9000", "admin-port": "9000"})
    with pytest.raises(NotInjected, match="port-env needs"):
        asked(**{"port-env": "PORT", "traffic": "redirect"})
    for other in ({"traffic": "port"}, {"port": "8081"}):
        with pytest.raises(NotInjected, match="grpc-port needs"):
            asked(**{"grpc-port": "8081"}, **other)
