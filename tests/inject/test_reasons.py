"""Reasons carry what the owner of a pod is told."""

from sidecar.inject.reasons import REASONS, NotInjected


def test_a_reason_and_what_was_seen():
    error = NotInjected("windows", "It says so.")
    assert (error.reason, error.outcome) == ("windows", "refused")
    assert str(error) == "Windows pods are not supported. It says so."


def test_only_our_own_annotations_keep_a_pod_out():
    assert [name for name, row in REASONS.items() if row.outcome == "rejected"] == ["bad-annotation"]
