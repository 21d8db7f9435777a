"""`sidecar check FILE...`: what is wrong with policies, before anybody goes by them.

Counterparts: `sidecar.policy.checking` finds it, `sidecar.cli` has the command.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from sidecar.errors import UsageError
from sidecar.policy import keys
from sidecar.policy.checking import check


def run(paths: list[str]) -> int:
    """Check the files as one set of policies and say what came of it. Raises UsageError with all that is
    wrong."""
    checked = check(*map(Path, paths))
    for warning in checked.warnings:
        print(f"sidecar: warning: {warning}", file=sys.stderr)
    if checked.policies is None:
        raise UsageError("\n".join(map(str, checked.wrong)))
    for policy in checked.policies.policies:
        rules = ", ".join(
            f"{rule.name} ({rule.action}{', dry run' if rule.dry_run else ''})" for rule in policy.rules
        )
        print(f"{policy.file}: {policy.name}: {rules or 'no rules'}")
    print(f"in order; digest {checked.policies.digest}")
    return 0


def schema() -> int:
    """Print the JSON Schema of a policy document, for editors."""
    print(json.dumps(keys.schema(), indent=2))
    return 0
