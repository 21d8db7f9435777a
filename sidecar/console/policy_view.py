"""`/api/v1/policies`: which policies are in force, what became of the last change, and how often each rule
applied.

What is in force is read from the run directory, where the check leaves it (`sidecar.policy.handing`); the
counts are those of the data planes. Counterpart: docs/api.md explains every field.
"""

from __future__ import annotations

import msgspec

from sidecar.console.views import View, when
from sidecar.observer.observer import Observer
from sidecar.observer.policy_alerts import PolicyAlert
from sidecar.policy import handing
from sidecar.policy.rules import Policies, Policy

NONE = Policies("", ())


def policies(observer: Observer) -> View:
    """Everything that is known of policies."""
    status, found = handing.Status(), NONE
    if observer.settings.policy and observer.run_dir is not None:
        status = handing.status(observer.run_dir)
        found = _in_force(observer)
    totals = observer.workers.totals()
    return {
        "setting": observer.settings.policy,
        "digest": found.digest,
        "policies": [_policy(one, totals.rule_hits, totals.rule_errors) for one in found.policies],
        "changes": {
            "applied": status.applied,
            "refused": status.refused,
            "applied_at": when(status.applied_at),
            "refused_at": when(status.refused_at),
        },
        "errors": list(status.errors),
        "warnings": list(status.warnings),
        "alerts": [_alert(one) for one in observer.policy_alerts.latest],
        "workers": [
            {"worker": one.worker, "digest": one.policies, "refused": one.policies_refused}
            for one in observer.workers.current(observer.clock())
        ],
    }


def _alert(alert: PolicyAlert) -> View:
    return {**msgspec.structs.asdict(alert), "time": when(alert.time)}


def errors(observer: Observer) -> list[str]:
    """What is wrong with the policy files as they are now; the old ones are in force then."""
    if not observer.settings.policy or observer.run_dir is None:
        return []
    refused = {one.policies_refused for one in observer.workers.current(observer.clock())} - {""}
    return [*handing.status(observer.run_dir).errors, *sorted(refused)]


def _in_force(observer: Observer) -> Policies:
    assert observer.run_dir is not None
    try:
        return handing.policies(observer.run_dir)
    except (OSError, msgspec.MsgspecError):
        return NONE


def _policy(policy: Policy, hits: dict[str, int], failed: dict[str, int]) -> View:
    rules = []
    for rule in policy.rules:
        id_ = f"{policy.name}/{rule.name}"
        rules.append(
            {
                "name": rule.name,
                "when": rule.text,
                "action": rule.action,
                "dry_run": rule.dry_run,
                "applied": hits.get(f"{id_} {rule.action}", 0),
                "would_have_applied": hits.get(f"{id_} {rule.action} dry-run", 0),
                "errors": failed.get(id_, 0),
            }
        )
    return {
        "name": policy.name,
        "description": policy.description,
        "file": policy.file,
        "match": msgspec.to_builtins(policy.match),
        "expose": policy.expose,
        "threshold": policy.threshold,
        "rules": rules,
    }
