"""`sidecar check FILE...` and `sidecar policy test`: what is wrong with policies, and what they would do,
before anybody goes by them.

Counterparts: `sidecar.policy.checking` and `sidecar.policy.replaying` find it, `sidecar.cli` has the
commands.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from sidecar.errors import UsageError
from sidecar.policy import keys
from sidecar.policy.checking import check
from sidecar.policy.rules import Policies


def run(paths: list[str]) -> int:
    """Check the files as one set of policies and say what came of it. Raises UsageError with all that is
    wrong."""
    policies = _checked(paths)
    for policy in policies.policies:
        rules = ", ".join(
            f"{rule.name} ({rule.action}{', dry run' if rule.dry_run else ''})" for rule in policy.rules
        )
        print(f"{policy.file}: {policy.name}: {rules or 'no rules'}")
    print(f"in order; digest {policies.digest}")
    return 0


def _checked(paths: list[str]) -> Policies:
    checked = check(*map(Path, paths))
    for warning in checked.warnings:
        print(f"sidecar: warning: {warning}", file=sys.stderr)
    if checked.policies is None:
        raise UsageError("\n".join(map(str, checked.wrong)))
    return checked.policies


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `sidecar policy` takes."""
    parser.add_argument(
        "what", choices=["test"], help="test: say what would have been done to captured calls"
    )
    parser.add_argument("files", metavar="FILE", nargs="+", help="policy files, or directories of them")
    parser.add_argument(
        "--against", metavar="CAPTURE", required=True, help="directory, URL or Parquet file of captured calls"
    )


def test(asked: argparse.Namespace) -> int:
    """Say what the policies would have made of captured calls. Raises UsageError or SidecarError."""
    from sidecar.capture.reading import calls
    from sidecar.policy.replaying import COLUMNS, replay

    policies = _checked(asked.files)
    found = replay(policies, calls(asked.against, COLUMNS))
    print(f"{found.calls} captured calls, which stand for {found.weight:.0f}")
    width = max(map(len, found.rules), default=0)
    for rule in found.rules:
        share = found.estimated.get(rule, 0.0) / found.weight if found.weight else 0.0
        failed = f", could not be told of {found.errors[rule]}" if found.errors[rule] else ""
        print(f"  {rule:<{width}}  applies to {found.applied[rule]} of them, {share:.2%} of all{failed}")
    for (was, would), count in sorted(found.changed.items(), key=lambda one: -one[1]):
        print(f"  {was} -> {would}: {count}")
    for policy in policies.policies:
        if policy.hints is not None or policy.codec:
            print(
                f"  {policy.name} reads or scores calls in its own way (codec, schema, detectors): "
                "the scores here are those of the capture"
            )
    if found.sampled:
        print("  a sample has fewer calls than there were: rate(...) and throttle see less than they would")
    return 0


def schema() -> int:
    """Print the JSON Schema of a policy document, for editors."""
    print(json.dumps(keys.schema(), indent=2))
    return 0
