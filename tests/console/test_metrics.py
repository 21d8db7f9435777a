"""The table of metrics, its rendering, and that docs/metrics.md says the same."""

import json
import math
import re
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from sidecar.console.metric_values import HISTOGRAMS, Source
from sidecar.console.metrics import METRICS, registry, render
from tests.console.admin import NoSpans, asked, drifted
from tests.observer.talk import record
from tests.observer.test_observer import busy

DOCS = Path(__file__).parent.parent.parent / "docs" / "metrics.md"
ROW = re.compile(r"^\| `(sidecar_\w+)` \| (\w+) \| (.*?) \| (.*) \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def observer(baseline):
    return drifted(baseline)


def exposition(observer, accept=""):
    body, content_type = render(registry(Source(observer, NoSpans())), accept)
    return body.decode("utf-8"), content_type


def test_whatever_is_scraped_stands_on_the_table(observer):
    found = {family.name: family for family in text_string_to_metric_families(exposition(observer)[0])}
    own = {name for name in found if name.startswith("sidecar_")}
    assert own == {name.removesuffix("_total") for name in METRICS}
    for name, metric in METRICS.items():
        family = found[name.removesuffix("_total")]
        assert (family.type, family.documentation) == (metric.kind, metric.help)
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels)


def test_the_process_has_its_usual_metrics(observer):
    assert "process_resident_memory_bytes " in exposition(observer)[0]


def test_openmetrics_is_given_to_who_asks_for_it(observer):
    body, content_type = exposition(observer, "application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    names = {family.name for family in openmetrics.text_string_to_metric_families(body)}
    assert {name.removesuffix("_total") for name in METRICS} <= names


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_has_nothing_to_say(observer):
    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        input=exposition(observer)[0].encode(),
        capture_output=True,
        check=False,
    )
    assert (checked.returncode, checked.stderr.decode()) == (0, "")


def test_labels_that_callers_make_up_are_escaped(baseline):
    observer = drifted(baseline)
    name = 'a"b\\c\nd'
    observer.take_in([record(0, model=name)])
    families = list(text_string_to_metric_families(exposition(observer)[0]))
    (requests,) = [family for family in families if family.name == "sidecar_requests"]
    assert name in {sample.labels["model"] for sample in requests.samples}


def test_names_follow_the_conventions():
    for name, metric in METRICS.items():
        assert re.fullmatch("sidecar_[a-z_]+", name)
        assert name.endswith("_total") == (metric.kind == "counter")
        assert metric.help.endswith(".")
        assert not {"id", "trace", "request_id", "client", "target"} & set(metric.labels)
        for unit in ("_ms", "_milliseconds", "_mb", "_percent"):
            assert not name.endswith(unit)
    assert set(HISTOGRAMS.values()) == {
        name for name, metric in METRICS.items() if metric.kind == "histogram"
    }


def test_the_documentation_names_every_metric_and_no_other():
    documented = {}
    for name, kind, labels, told in ROW.findall(DOCS.read_text(encoding="utf-8")):
        documented[name] = (kind, told, tuple(re.findall(r"`(\w+)`", labels)))
    assert documented == METRICS
    assert list(documented) == list(METRICS), "in the order of the table"


async def test_a_scrape_over_http_is_what_was_rendered(observer):
    async with asked(observer) as client, client.get("/metrics") as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        assert "sidecar_up 1.0" in await answer.text()


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_the_documented_rules_compute_the_index_over_all_pods(tmp_path):
    (tmp_path / "rules.yml").write_text(DOCS.read_text("utf-8").split("```yaml\n")[1].split("```")[0])
    rows = {("a", "low"): 6, ("b", "low"): 3, ("a", "high"): 1, ("b", "high"): 0}
    series = [
        {
            "series": f'sidecar_feature_rows_total{{pod="{pod}",feature="x",bin="{bin_}"}}',
            "values": f"0+{step}x90",
        }
        for (pod, bin_), step in rows.items()
    ]
    series += [
        {"series": f'sidecar_feature_reference_ratio{{pod="a",feature="x",bin="{bin_}"}}', "values": "0.5x90"}
        for bin_ in ("low", "high")
    ]
    psi = sum((share - 0.5) * math.log(share / 0.5) for share in (0.9, 0.1))
    expected = {
        "expr": "round(sidecar:feature_psi:1h, 0.0001)",
        "eval_time": "80m",
        "exp_samples": [{"labels": '{feature="x"}', "value": round(psi, 4)}],
    }
    tests = [{"interval": "1m", "input_series": series, "promql_expr_test": [expected]}]
    (tmp_path / "test.yml").write_text(
        json.dumps({"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": tests})
    )
    checked = subprocess.run(
        ["promtool", "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, check=False
    )
    assert checked.returncode == 0, checked.stdout.decode() + checked.stderr.decode()


def test_a_latency_leads_to_a_trace_for_scrapers_that_can_tell(baseline):
    observer = busy(baseline)
    traced = msgspec.structs.replace(record(0).span, sampled=True)
    observer.take_in([record(2000, span=traced, ended_ns=30_000_000)])
    own = registry(Source(observer, NoSpans()))
    open_metrics = render(own, "application/openmetrics-text")[0].decode()
    (line,) = [line for line in open_metrics.splitlines() if " # {" in line]
    assert line.startswith("sidecar_request_duration_seconds_bucket{")
    assert 'le="0.05"' in line
    assert f'# {{span_id="{traced.server}",trace_id="{traced.trace}"}} 0.03 ' in line
    assert " # {" not in render(own, "text/plain")[0].decode()
