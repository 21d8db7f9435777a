"""Every kind of workload, Lists, and kinds by path: injected and put back."""

import pytest

from sidecar.errors import SidecarError
from sidecar.inject.annotations import STATUS
from sidecar.inject.settings import Around
from sidecar.inject.workloads import TEMPLATES, inject, uninject, whole
from tests.inject.validity import valid_in_schemas

POD = {"containers": [{"name": "m", "image": "i", "ports": [{"containerPort": 8080, "name": "http"}]}]}
VERSIONS = {
    "Pod": "v1",
    "ReplicationController": "v1",
    "PodTemplate": "v1",
    "Job": "batch/v1",
    "CronJob": "batch/v1",
}
THEIRS = {"Rollout": "argoproj.io/v1alpha1", "InferenceService": "serving.kserve.io/v1beta1"}


def workload(kind):
    selector = {"matchLabels": {"app": "a"}}
    template = {"metadata": {"labels": {"app": "a"}}, "spec": POD}
    job = {"template": {"spec": {**POD, "restartPolicy": "Never"}}}
    body = {
        "Pod": {"spec": POD},
        "PodTemplate": {"template": template},
        "ReplicationController": {"spec": {"template": template}},
        "Job": {"spec": job},
        "CronJob": {"spec": {"schedule": "@daily", "jobTemplate": {"spec": job}}},
        "StatefulSet": {"spec": {"serviceName": "a", "selector": selector, "template": template}},
        "InferenceService": {"spec": {"predictor": {**POD, "minReplicas": 1, "annotations": {"a": "b"}}}},
    }.get(kind, {"spec": {"selector": selector, "template": template}})
    version = VERSIONS.get(kind) or THEIRS.get(kind) or "apps/v1"
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "a"}, **body}


@pytest.mark.parametrize("kind", TEMPLATES)
def test_injected_and_put_back(kind):
    given = workload(kind)
    (found,) = inject(given, Around())
    assert found.name == f"{kind}/a"
    assert found.injection.outcome == "injected", found.injection.message
    assert str(found.after).count(STATUS) == 1
    if kind not in THEIRS:
        valid_in_schemas(found.after)
    assert inject(found.after, Around())[0].after == found.after
    (back,) = uninject(found.after)
    assert back.after == given
    assert back.injection is not None


def test_a_list():
    given = {"apiVersion": "v1", "kind": "List", "items": [workload("Deployment"), {"kind": "ConfigMap"}]}
    results = inject(given, Around())
    assert [one.injection and one.injection.outcome for one in results] == ["injected", None]
    after = whole(given, results)
    assert after["items"][1] == {"kind": "ConfigMap"}
    assert whole(after, uninject(after)) == given


def test_a_kind_by_path():
    given = {"kind": "Serving", "metadata": {"name": "s"}, "spec": {"worker": {"template": {"spec": POD}}}}
    assert inject(given, Around())[0].injection is None
    (found,) = inject(given, Around(), "spec.worker.template")
    assert found.injection.outcome == "injected"
    assert uninject(found.after, "spec.worker.template")[0].after == given


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kind": "Deployment", "spec": {}}, "nothing at spec.template"),
        ({"kind": "Deployment", "spec": {"template": {}}}, "no spec at spec.template"),
        (
            {"kind": "InferenceService", "spec": {"predictor": {"model": {}}}},
            "its operator makes the containers",
        ),
    ],
)
def test_a_workload_without_containers(given, said):
    (found,) = inject(given, Around())
    assert (found.injection.reason, found.after) == ("not-a-template", given)
    assert said in found.injection.message
    assert uninject(given)[0].injection is None


def test_a_workload_may_say_no():
    given = workload("Deployment")
    given["metadata"]["annotations"] = {"sidecar.observe/inject": "false"}
    assert inject(given, Around())[0].injection.reason == "pod-says-no"


def test_system_namespaces_by_the_objects_own_word():
    given = workload("Deployment")
    given["metadata"]["namespace"] = "kube-system"
    assert inject(given, Around())[0].injection.reason == "system-namespace"


def test_services_that_ask():
    given = {
        "kind": "Service",
        "metadata": {"name": "a", "annotations": {"sidecar.observe/traffic": "service"}},
        "spec": {"ports": [{"port": 80}]},
    }
    (found,) = inject(given, Around())
    assert found.after["spec"]["ports"] == [{"port": 80, "targetPort": 9700}]
    assert uninject(found.after)[0].after == given


def test_an_edited_status_is_no_guess():
    given = workload("Pod")
    given["metadata"]["annotations"] = {STATUS: "{}"}
    with pytest.raises(SidecarError, match=r"Pod/a: .*was edited"):
        uninject(given)
