"""The types of what is read, against every golden pod; and that a wrong one is named by its place."""

import pytest

from sidecar.inject import shape
from sidecar.inject.reasons import NotInjected
from tests.inject import goldens


@pytest.mark.parametrize("case", goldens.cases(), ids=lambda case: case.path.stem)
def test_every_golden_pod_has_the_shape(case):
    shape.check(case.given["input"], shape.Pod)


@pytest.mark.parametrize(
    ("container", "place"),
    [
        ({"name": 7}, r"\$\.spec\.containers\[0\]\.name"),
        ({"name": "m", "ports": [{"containerPort": None}]}, r"\.ports\[0\]\.containerPort"),
        ({"name": "m", "lifecycle": {"preStop": {"tcpSocket": {"port": []}}}}, r"\.preStop\.tcpSocket\.port"),
        ({"name": "m", "resources": {"limits": {"cpu": []}}}, r"\.resources\.limits\[\.\.\.\]"),
    ],
)
def test_a_wrong_type_is_named_by_its_place(container, place):
    with pytest.raises(NotInjected, match=place):
        shape.check({"spec": {"containers": [container]}}, shape.Pod)


def test_null_is_as_good_as_nothing():
    container = {"name": "m", "ports": None, "env": None, "livenessProbe": None, "securityContext": None}
    shape.check({"metadata": None, "spec": {"containers": [container], "volumes": None}}, shape.Pod)
    shape.check({"metadata": {"labels": None}, "spec": {"ports": None}}, shape.Service)
    shape.check({"spec": {"type": "ExternalName"}, "status": 7}, shape.Service)
