"""Quantities, and what the sidecar is granted. The golden pods have whole ones."""

from decimal import Decimal

import pytest

from sidecar.inject.annotations import Wishes
from sidecar.inject.reasons import NotInjected
from sidecar.inject.resources import granted, guaranteed, quantity, small
from sidecar.inject.settings import Quantities, Resources

SETTLED = Resources(Quantities("100m", "256Mi"), Quantities("", "768Mi"))
FULL = {"limits": {"cpu": "1", "memory": "1Gi"}}


def pod(resources=None, **spec):
    return {
        "spec": {"containers": [{"name": "m", **({"resources": resources} if resources else {})}], **spec}
    }


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1), ("100m", "0.1"), ("0.5", "0.5"), ("1k", 1000), ("1Ki", 1024), ("1M", 10**6), ("1Mi", 2**20),
        ("2Gi", 2**31), ("1E", 10**18), ("1Ei", 2**60), ("1e3", 1000), (2, 2), (1.5, "1.5"),
    ],
)  # fmt: skip
def test_quantities(text, number):
    assert quantity(text) == Decimal(number)


@pytest.mark.parametrize("text", ["", "x", "1K", "1ki", "one", "Mi"])
def test_what_is_no_quantity(text):
    with pytest.raises(ValueError, match="no quantity"):
        quantity(text)


def test_settled_ones():
    assert granted(pod(), Wishes(), SETTLED) == {
        "requests": {"cpu": "100m", "memory": "256Mi"},
        "limits": {"memory": "768Mi"},
    }


def test_each_annotation_alone():
    found = granted(pod(), Wishes(cpu_limit="2"), SETTLED)
    assert found == {
        "requests": {"cpu": "100m", "memory": "256Mi"},
        "limits": {"cpu": "2", "memory": "768Mi"},
    }


def test_the_other_one_gives_way():
    assert granted(pod(), Wishes(memory_limit="64Mi"), SETTLED)["requests"]["memory"] == "64Mi"
    assert granted(pod(), Wishes(memory_request="2Gi"), SETTLED)["limits"]["memory"] == "2Gi"


def test_a_contradiction():
    with pytest.raises(NotInjected, match="2 is above the limit 1"):
        granted(pod(), Wishes(cpu_request="2", cpu_limit="1"), SETTLED)


def test_guaranteed():
    assert guaranteed(pod(FULL))
    assert not guaranteed(pod(FULL, initContainers=[{"name": "i"}]))
    assert not guaranteed(pod({**FULL, "requests": {"cpu": "500m"}}))
    assert not guaranteed(pod({"limits": {"cpu": "1", "memory": "lots"}, "requests": {"memory": "x"}}))
    equal = {"cpu": "100m", "memory": "768Mi"}
    assert granted(pod(FULL), Wishes(), SETTLED) == {"requests": equal, "limits": equal}
    assert granted(pod(FULL), Wishes(memory_request="300Mi"), SETTLED)["limits"]["memory"] == "300Mi"
    assert granted(pod(FULL), Wishes(cpu_limit="1"), SETTLED)["requests"]["cpu"] == "1"


def test_a_pod_that_has_divided_them():
    assert granted(pod(resources=None) | {"spec": {"resources": FULL}}, Wishes(), SETTLED) == {}
    assert small({"spec": {"resources": FULL}}) == {}
