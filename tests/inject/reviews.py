"""AdmissionReviews as an API server writes them."""

from __future__ import annotations

import base64
import json
from typing import Any

OWNER = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "fraud-7f9c5d6b8c", "uid": "u-1"}
MODEL = {"name": "model", "image": "i", "ports": [{"name": "http", "containerPort": 8080}]}
POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"generateName": "fraud-7f9c5d6b8c-", "ownerReferences": [OWNER]},
    "spec": {"containers": [MODEL]},
}


def pod(**spec: Any) -> dict[str, Any]:
    return {**POD, "spec": {**POD["spec"], **spec}}


def review(thing: Any = POD, **request: Any) -> dict[str, Any]:
    """A review of a pod that is created; `request` changes its parts."""
    asked = {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "namespace": "models",
        "operation": "CREATE",
        "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller"},
        "object": thing,
        "oldObject": None,
        "dryRun": False,
        **request,
    }
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": asked}


def patch_of(answer: bytes | dict[str, Any]) -> list[dict[str, Any]]:
    """The operations in an answer."""
    found = answer if isinstance(answer, dict) else json.loads(answer)
    text = found["response"].get("patch")
    return json.loads(base64.b64decode(text)) if text else []
