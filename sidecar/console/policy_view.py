"""`/api/v1/policies`: which policies are in force, what became of the last change, and how often each rule
applied.

What is in force is read from the run directory, where the check leaves it (`sidecar.policy.handing`); the
counts are those of the data planes. Counterpart: docs/api.md explains every field.
"""

from __future__ import annotations

import msgspec

from sidecar.console.views import View, when
from sidecar.exchange import Shadowed
from sidecar.link import Shadow
from sidecar.observer.observer import Observer
from sidecar.observer.policy_alerts import PolicyAlert
from sidecar.observer.workers import Totals
from sidecar.policy import handing
from sidecar.policy.rules import Policies, Policy, Rule

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
        "policies": [_policy(one, totals) for one in found.policies],
        "changes": {
            "applied": status.applied,
            "refused": status.refused,
            "applied_at": when(status.applied_at),
            "refused_at": when(status.refused_at),
        },
        "errors": list(status.errors),
        "warnings": list(status.warnings),
        "alerts": [_alert(one) for one in observer.policy_alerts.latest],
        "shadowed": [_shadowed(one) for one in observer.shadowed],
        "workers": [
            {"worker": one.worker, "digest": one.policies, "refused": one.policies_refused}
            for one in observer.workers.current(observer.clock())
        ],
    }


def _alert(alert: PolicyAlert) -> View:
    return {**msgspec.structs.asdict(alert), "time": when(alert.time)}


def _shadowed(one: Shadowed) -> View:
    return {
        "rule": one.rule,
        "time": when(one.started_ns / 1e9),
        "request_id": one.id,
        "trace": one.trace,
        "outcome": one.outcome,
        "status": one.status,
        "other_status": one.other_status,
        "rows": one.rows,
        "differing": one.differing,
        "column": one.column,
        "largest": one.largest,
        "detail": one.detail,
    }


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


def _policy(policy: Policy, totals: Totals) -> View:
    return {
        "name": policy.name,
        "description": policy.description,
        "file": policy.file,
        "match": msgspec.to_builtins(policy.match),
        "expose": policy.expose,
        "threshold": policy.threshold,
        "rules": [_rule(f"{policy.name}/{rule.name}", rule, totals) for rule in policy.rules],
    }


def _rule(id_: str, rule: Rule, totals: Totals) -> View:
    shown: View = {
        "name": rule.name,
        "when": rule.text,
        "action": rule.action,
        "dry_run": rule.dry_run,
        "applied": totals.rule_hits.get(f"{id_} {rule.action}", 0),
        "would_have_applied": totals.rule_hits.get(f"{id_} {rule.action} dry-run", 0),
        "errors": totals.rule_errors.get(id_, 0),
    }
    if rule.action == "shadow":
        found = totals.shadows.get(id_, Shadow())
        shown["shadow"] = {"to": rule.to, "share": rule.share, **msgspec.structs.asdict(found)}
    return shown
