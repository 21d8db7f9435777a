"""Rules, dashboard and collector: what promtool says of them, and that they speak of things that exist."""

import json
import re
import shutil
import subprocess

import pytest
import yaml

from k8s.render import CHART, HERE
from sidecar.console.metrics import METRICS
from sidecar.inject.measures import MEASURES
from sidecar.policy.facts import DRIFT_STATES, VERDICTS
from sidecar.policy.rules import ACTIONS
from tests.test_docs import ROOT

RULES = CHART / "files" / "rules.yaml"
GROUPS = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
DASHBOARD = json.loads((CHART / "files" / "dashboard.json").read_text(encoding="utf-8"))

NOT_OURS = {"apiserver_admission_webhook_fail_open_count", "process_resident_memory_bytes"}

promtool = pytest.mark.skipif(
    not shutil.which("promtool"), reason="not installed: promtool (Debian: prometheus)"
)


def expressions():
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"]
    yield from (one["expr"] for one in DASHBOARD["annotations"]["list"])


@promtool
def test_rules_do_what_they_promise():
    done = subprocess.run(
        ["promtool", "test", "rules", "rules_test.yaml"],
        cwd=HERE,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@promtool
def test_every_expression_of_the_dashboard_is_one(tmp_path):
    rules = [{"record": f"x:{n}", "expr": one.replace("$model", "m")} for n, one in enumerate(expressions())]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = subprocess.run(
        ["promtool", "check", "rules", str(file)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_metrics_that_are_named_exist():
    ours = METRICS.keys() | MEASURES.keys()
    recorded = {rule["record"] for group in GROUPS for rule in group["rules"] if "record" in rule}
    texts = [rule["expr"] for group in GROUPS for rule in group["rules"]]
    for text in [*texts, *expressions()]:
        for name in re.findall(r"\b(?:sidecar|apiserver|process)[a-z_:0-9]+", text):
            if name not in recorded | NOT_OURS:
                assert re.sub("_bucket$", "", name) in ours, name


def test_every_alert_is_tried():
    alerts = {rule["alert"] for group in GROUPS for rule in group["rules"] if "alert" in rule}
    tests = yaml.safe_load((HERE / "rules_test.yaml").read_text(encoding="utf-8"))["tests"]
    tried = {
        one["alertname"] for test in tests for one in test.get("alert_rule_test", []) if one["exp_alerts"]
    }
    assert tried == alerts


def test_the_rules_in_the_documents_are_these():
    shown = (
        (ROOT / "docs/metrics.md").read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]
    )
    rules = {rule["record"]: rule["expr"] for group in GROUPS for rule in group["rules"] if "record" in rule}
    for rule in yaml.safe_load(shown)["groups"][0]["rules"]:
        assert rules[rule["record"]] == rule["expr"]


def test_panels_lie_beside_each_other():
    taken = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not taken & cells, panel["title"]
        taken |= cells
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))


def test_the_collector_keeps_by_attributes_that_spans_have():
    collector = yaml.safe_load((HERE / "collector.yaml").read_text(encoding="utf-8"))
    policies = collector["processors"]["tail_sampling"]["policies"]
    inner = [one for policy in policies for one in policy.get("and", {}).get("and_sub_policy", [])]
    documented = (ROOT / "docs/tracing.md").read_text(encoding="utf-8")
    keys = [one["string_attribute"]["key"] for one in [*policies, *inner] if "string_attribute" in one]
    assert keys
    assert [key for key in keys if f"`{key}`" not in documented] == []
    used = {
        name
        for pipeline in collector["service"]["pipelines"].values()
        for part in pipeline.values()
        for name in part
    }
    defined = {name for part in ("receivers", "processors", "exporters") for name in collector[part]}
    assert used == defined


def test_the_collector_keeps_by_values_that_attributes_have():
    collector = yaml.safe_load((HERE / "collector.yaml").read_text(encoding="utf-8"))
    policies = collector["processors"]["tail_sampling"]["policies"]
    inner = [one for policy in policies for one in policy.get("and", {}).get("and_sub_policy", [])]
    told = [one["string_attribute"] for one in [*policies, *inner] if "string_attribute" in one]
    by_key = {one["key"]: one for one in told}
    assert set(by_key["sidecar.policy.action"]["values"]) < set(ACTIONS)
    assert set(by_key["sidecar.verdict"]["values"]) < set(VERDICTS)
    drift = by_key["sidecar.drift.state"]
    (pattern,) = drift["values"]
    assert drift["enabled_regex_matching"]
    kept = {state for state in DRIFT_STATES if re.search(pattern, f'{state}; feature="a"; since=@1')}
    assert kept == set(DRIFT_STATES) - {"unknown", "stable"}


def test_the_laptop_finds_every_file():
    compose = yaml.safe_load((HERE / "laptop" / "compose.yaml").read_text(encoding="utf-8"))
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            assert (HERE / "laptop" / volume.partition(":")[0]).exists(), volume
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")
