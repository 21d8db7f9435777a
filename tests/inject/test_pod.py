"""Golden pods: what becomes of each, why, and that it is valid, stable and can be undone."""

import copy
import json

import jsonpatch
import pytest

from sidecar.inject import json_patch, pod, record
from sidecar.inject.annotations import PREFIX, STATUS
from sidecar.inject.containers import SIDECAR
from sidecar.inject.reasons import REASONS
from sidecar.inject.resources import guaranteed
from sidecar.inject.settings import Around
from tests.inject import goldens
from tests.inject.validity import breaks_restricted, valid_in_schemas, wrong

CASES = goldens.cases()


@pytest.fixture(params=CASES, ids=lambda case: case.path.stem)
def case(request):
    return request.param


def test_becomes_what_stands_there(case):
    before = copy.deepcopy(case.given["input"])
    found = case.inject()
    assert case.given["input"] == before, "the input itself was changed"
    assert (found.reason, found.message) == (case.given["reason"], case.given["message"])
    assert found.outcome == REASONS[found.reason].outcome
    assert goldens.of_no_version(found.pod) == goldens.of_no_version(case.given.get("output", before))


def test_patch_makes_it_so(case):
    found = case.inject()
    patch = json_patch.patch(case.given["input"], found.pod)
    assert jsonpatch.apply_patch(case.given["input"], patch) == found.pod


def test_a_second_time_changes_nothing(case):
    once = case.inject()
    twice = pod.inject(once.pod, case.around)
    assert json_patch.patch(once.pod, twice.pod) == []


def test_undone_it_is_what_it_was(case):
    found = case.inject()
    if found.outcome == "rejected":
        assert found.pod == case.given["input"]
    else:
        assert record.undone(found.pod) == record.undone(case.given["input"])
        assert "sidecar.observe/status" not in str(record.undone(found.pod))


def test_is_valid(case):
    found = case.inject()
    if found.outcome == "injected":
        valid_in_schemas(found.pod)
        assert wrong(found.pod) == []


def test_sidecar_is_admitted_where_security_is_strictest(case):
    found = case.inject()
    if found.outcome == "injected":
        assert breaks_restricted(found.pod, SIDECAR) == []


def test_a_guaranteed_pod_stays_one(case):
    found = case.inject()
    if found.outcome == "injected" and guaranteed(record.undone(case.given["input"])):
        assert guaranteed(found.pod)


def test_every_reason_has_its_case():
    elsewhere = {"not-a-pod", "not-a-template"}  # of reviews and of manifests
    assert {case.given["reason"] for case in CASES} == REASONS.keys() - elsewhere


def test_a_user_that_is_the_models_own_leaves_egress_nobody_to_spare():
    template = {
        "metadata": {"annotations": {f"{PREFIX}run-as-user": "1000", f"{PREFIX}port": "8080"}},
        "spec": {"containers": [{"name": "m", "securityContext": {"runAsUser": 1000}}]},
    }
    assert pod.inject(template, Around()).reason == "injected"
    template["metadata"]["annotations"][f"{PREFIX}egress-ports"] = "80"
    found = pod.inject(template, Around())
    assert (found.outcome, found.reason) == ("rejected", "bad-annotation")
    assert "1000 is another's, too" in found.message


def test_no_metadata_in_as_many_letters_is_put_back():
    bare = {"metadata": None, "spec": {"containers": [{"name": "m", "ports": [{"containerPort": 8080}]}]}}
    found = pod.inject(bare, Around())
    assert found.outcome == "injected"
    assert not record.undone(found.pod)["metadata"]


@pytest.mark.parametrize(
    "edited",
    [
        {"added": {"containers": ["m"]}},
        {"changed": [{"container": "m", "env": "A", "now": {"name": "A"}, "was": 7}]},
    ],
)
def test_a_record_that_leads_to_no_pod_is_rejected(edited):
    status = json.dumps({"version": "1", "traffic": "port", "port": 1, **edited})
    template = {
        "metadata": {"annotations": {STATUS: status, f"{PREFIX}port": "8080"}},
        "spec": {"containers": [{"name": "m", "env": [{"name": "A"}]}]},
    }
    found = pod.inject(template, Around())
    assert (found.outcome, found.reason) == ("rejected", "bad-annotation")
    assert "was edited, and leads to no pod" in found.message


def test_there_are_enough():
    assert len(CASES) >= 60


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"spec": None},
        {"spec": {"containers": []}},
        {"spec": {"containers": [7]}},
        {"spec": {"containers": [{"image": "nameless"}]}},
        {"spec": {"containers": [{"name": "x", "env": "no list"}]}},
        {"spec": {"containers": [{"name": "x"}], "volumes": {}}},
        {"metadata": [], "spec": {"containers": [{"name": "x"}]}},
        {"metadata": {"annotations": ["x"]}, "spec": {"containers": [{"name": "x"}]}},
        {"spec": {"containers": [{"name": "x", "ports": ["http"]}]}},
        {"spec": {"containers": [{"name": "x", "ports": [{"containerPort": "http"}]}]}},
        {"spec": {"containers": [{"name": "x", "livenessProbe": {"httpGet": 80}}]}},
        {"spec": {"containers": [{"name": "x", "resources": []}]}},
        {"spec": {"containers": [{"name": "x"}], "securityContext": [{}]}},
        {"spec": {"containers": [{"name": "x"}], "nodeSelector": "linux"}},
    ],
)
def test_what_is_no_pod_is_refused(odd):
    found = pod.inject(odd, Around())
    assert (found.outcome, found.reason, found.pod) == ("refused", "not-a-template", odd)
