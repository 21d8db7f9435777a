"""AdmissionReviews (admission.k8s.io/v1): bytes in, a decision, bytes out. Pure.

Whatever is no review is told what is wrong with it. A review always gets an answer that lets the pod in,
unless an annotation of ours is wrong. Counterpart: `sidecar.inject.server`, which has the socket.
"""

from __future__ import annotations

import base64
from typing import Any, NamedTuple

import msgspec

from sidecar.errors import SidecarError
from sidecar.inject import json_patch, service
from sidecar.inject import pod as pods
from sidecar.inject.pod import Injection
from sidecar.inject.reasons import REASONS, Json
from sidecar.inject.settings import Around

VERSION = "admission.k8s.io/v1"
LONGEST_WARNING = 256
"""Characters of a warning that an API server passes on."""


class BadReview(SidecarError):
    """This is no AdmissionReview that can be answered."""


class Review(NamedTuple):
    """What is asked, as far as it is looked at."""

    uid: str
    kind: str
    namespace: str
    operation: str
    dry_run: bool
    thing: Json


class Verdict(NamedTuple):
    """The answer's bytes, and what it was for metrics and events."""

    body: bytes
    injection: Injection


def read(body: bytes) -> Review:
    """The review in a request's body. Raises BadReview."""
    try:
        review = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadReview(f"the body is no JSON: {str(error)[:200]}") from error
    if not isinstance(review, dict) or review.get("kind") != "AdmissionReview":
        raise BadReview("the body is no AdmissionReview")
    if review.get("apiVersion") != VERSION:
        raise BadReview(f"apiVersion {str(review.get('apiVersion'))[:80]!r}: only {VERSION} is spoken")
    request = review.get("request")
    if not isinstance(request, dict):
        raise BadReview("there is no request in the review")
    uid = request.get("uid")
    if not isinstance(uid, str) or not 0 < len(uid) <= 256:
        raise BadReview("request.uid is no text of 1 to 256 characters")
    kind = request.get("kind")
    return Review(
        uid=uid,
        kind=_text(kind.get("kind")) if isinstance(kind, dict) and not kind.get("group") else "",
        namespace=_text(request.get("namespace")),
        operation=_text(request.get("operation")),
        dry_run=request.get("dryRun") is True,
        thing=request["object"] if isinstance(request.get("object"), dict) else {},
    )


def decide(review: Review, around: Around) -> Verdict:
    """Decide about what is in a review."""
    if review.kind == "Pod" and review.operation == "CREATE":
        found = pods.inject(review.thing, around)
    elif review.kind == "Service" and review.operation in ("CREATE", "UPDATE"):
        found = service.led(review.thing)
    else:
        what = f"{review.operation[:40]} of {review.kind[:80] or 'another group'}"
        found = Injection(
            review.thing, "skipped", "not-a-pod", f"{REASONS['not-a-pod'].meaning} It is {what}."
        )
    return Verdict(answer(review.uid, review.thing, found), found)


def answer(uid: str, before: Json, found: Injection) -> bytes:
    """The AdmissionReview with the response."""
    response: Json = {"uid": uid, "allowed": found.outcome != "rejected"}
    if found.outcome == "rejected":
        response["status"] = {"code": 400, "reason": "BadRequest", "message": f"sidecar: {found.message}"}
    elif operations := json_patch.patch(before, found.pod):
        response["patchType"] = "JSONPatch"
        response["patch"] = base64.b64encode(msgspec.json.encode(operations)).decode()
    if found.outcome == "refused":
        response["warnings"] = [f"no sidecar ({found.reason}): {found.message}"[:LONGEST_WARNING]]
    response["auditAnnotations"] = {"outcome": found.outcome, "reason": found.reason}
    return msgspec.json.encode({"apiVersion": VERSION, "kind": "AdmissionReview", "response": response})


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
