"""What was changed is put back by name, and only where ours still stands."""

import copy

import pytest

from sidecar.inject import pod, record
from sidecar.inject.annotations import STATUS
from sidecar.inject.reasons import NotInjected
from sidecar.inject.settings import Around

BARE = {
    "metadata": {"annotations": {"sidecar.observe/port-env": "PORT"}},
    "spec": {
        "containers": [
            {
                "name": "m",
                "image": "i",
                "ports": [{"containerPort": 8080, "name": "http"}],
                "env": [
                    {"name": "A", "value": "1"},
                    {"name": "PORT", "value": "8080"},
                    {"name": "B", "value": "2"},
                ],
                "livenessProbe": {"tcpSocket": {"port": 8080}},
            }
        ]
    },
}


@pytest.fixture
def injected():
    return pod.inject(BARE, Around()).pod


def test_all_of_it(injected):
    assert injected != BARE
    assert record.undone(injected) == BARE


def test_a_pod_without_a_record_is_as_it_is():
    assert record.of(BARE) is None
    assert record.undone(BARE) is BARE


def test_what_others_have_changed_stays(injected):
    model = injected["spec"]["containers"][0]
    model["livenessProbe"] = {"exec": {"command": ["true"]}}
    model["env"][1] = {"name": "PORT", "value": "7"}
    model["env"].append({"name": "C", "value": "3"})
    injected["spec"]["volumes"].append({"name": "theirs", "emptyDir": {}})
    injected["metadata"]["labels"]["theirs"] = "x"
    undone = record.undone(injected)
    assert undone["spec"]["containers"][0] == model
    assert undone["spec"]["volumes"] == [{"name": "theirs", "emptyDir": {}}]
    assert undone["metadata"]["labels"] == {"theirs": "x"}


def test_a_container_that_is_gone(injected):
    injected["spec"]["containers"] = [{"name": "another", "image": "i"}]
    assert record.undone(injected)["spec"]["containers"] == [{"name": "another", "image": "i"}]


@pytest.mark.parametrize("text", ["", "{}", "[]", "{", '{"version": 1}', 7])
def test_a_record_that_cannot_be_read(injected, text):
    edited = copy.deepcopy(injected)
    edited["metadata"]["annotations"][STATUS] = text
    with pytest.raises(NotInjected, match="was edited"):
        record.undone(edited)
