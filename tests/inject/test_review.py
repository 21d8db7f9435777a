"""Reviews: bytes in, decision, bytes out; and whatever is no review is told so."""

import json

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.inject.review import BadReview, answer, decide, read
from sidecar.inject.settings import Around
from tests.inject.reviews import POD, patch_of, pod, review


def decided(asked, around=None):
    verdict = decide(read(json.dumps(asked).encode()), around or Around(namespace="models"))
    return json.loads(verdict.body), verdict.injection


def test_a_pod_is_injected():
    answered, found = decided(review())
    response = answered["response"]
    assert (answered["apiVersion"], answered["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
    assert (response["uid"], response["allowed"]) == ("705ab4f5-6393-11e8-b7cc-42010a800002", True)
    assert response["patchType"] == "JSONPatch"
    assert jsonpatch.apply_patch(POD, patch_of(answered)) == found.pod
    assert response["auditAnnotations"] == {"outcome": "injected", "reason": "injected"}


def test_a_refused_one_is_let_in_with_a_warning():
    response = decided(review(pod(hostNetwork=True)))[0]["response"]
    assert response["allowed"]
    assert "patch" not in response
    assert response["warnings"][0].startswith("no sidecar (host-network): The pod uses its node's network")
    assert len(response["warnings"][0]) <= 256


def test_a_rejected_one_is_not():
    wrong = {**POD, "metadata": {"annotations": {"sidecar.observe/traffic": "x"}}}
    response = decided(review(wrong))[0]["response"]
    assert not response["allowed"]
    assert response["status"]["code"] == 400
    assert "'x' is not redirect, service, port" in response["status"]["message"]


@pytest.mark.parametrize(
    "request_",
    [
        {"kind": {"group": "apps", "version": "v1", "kind": "Deployment"}},
        {"kind": {"group": "other.example", "version": "v1", "kind": "Pod"}},
        {"kind": None},
        {"kind": "Pod"},
        {"operation": "UPDATE"},
        {"operation": "DELETE", "object": None},
        {"operation": 7},
    ],
)
def test_what_is_no_new_pod_is_let_in_as_it_is(request_):
    answered, found = decided(review(**request_))
    assert (answered["response"]["allowed"], found.reason) == (True, "not-a-pod")
    assert "patch" not in answered["response"]


@pytest.mark.parametrize("thing", [None, [], "pod", {}, {"spec": 1}, {"spec": {"containers": {}}}])
def test_a_pod_that_is_none(thing):
    answered, found = decided(review(thing))
    assert (answered["response"]["allowed"], found.reason) == (True, "not-a-template")


def test_a_service():
    service = {
        "metadata": {"annotations": {"sidecar.observe/traffic": "service"}},
        "spec": {"ports": [{"port": 80}]},
    }
    kind = {"group": "", "version": "v1", "kind": "Service"}
    answered, found = decided(review(service, kind=kind, operation="UPDATE"))
    assert found.pod["spec"]["ports"] == [{"port": 80, "targetPort": 9700}]
    assert jsonpatch.apply_patch(service, patch_of(answered)) == found.pod


GOOD = json.dumps(review()).encode()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (GOOD[:-1], "no JSON"),
        (b"[]", "no AdmissionReview"),
        (b'{"kind": "Pod"}', "no AdmissionReview"),
        (GOOD.replace(b"admission.k8s.io/v1", b"admission.k8s.io/v1beta1"), "'admission.k8s.io/v1beta1'"),
        (b'{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1"}', "no request"),
        (json.dumps(review(uid=7)).encode(), "uid"),
        (json.dumps(review(uid="")).encode(), "uid"),
        (json.dumps(review(uid="x" * 257)).encode(), "uid"),
    ],
)
def test_what_is_no_review(body, said):
    with pytest.raises(BadReview, match=said):
        read(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
PARTS = [
    "metadata",
    "spec",
    "containers",
    "annotations",
    "labels",
    "ports",
    "env",
    "resources",
    "securityContext",
]


@given(st.sampled_from(PARTS), JSON)
def test_garbage_in_any_part_gets_an_answer(part, garbage):
    """Or an error of the kind that the server turns into one: nothing else leaves."""
    thing = json.loads(json.dumps(POD))
    container = thing["spec"]["containers"][0]
    for holder in (thing, thing["metadata"], thing["spec"], container):
        if part in holder or holder is container:
            holder[part] = garbage
            break
    asked = read(json.dumps(review(), default=str).encode())
    try:
        verdict = decide(asked._replace(thing=thing), Around(namespace="models"))
    except (TypeError, AttributeError, KeyError, ValueError):
        return  # an API server never sends such a pod; tests/stories/test_webhook.py has what becomes of it
    assert json.loads(verdict.body)["response"]["uid"] == asked.uid


def test_numbers_stay_as_they_came():
    big = 12345678901234567890123
    asked = read(json.dumps(review({**POD, "status": {"big": big}})).encode())
    assert asked.thing["status"]["big"] == big
    assert b"big" not in answer(asked.uid, asked.thing, decide(asked, Around()).injection)
