"""The ready-made policies, one after the other, in a real sidecar before a real model: each is saved over
the last."""

import json
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from examples import launch
from examples.processes import ROOT
from examples.traffic import Answer, Caller
from sidecar.policy.checking import check
from tests.policy.ready import DIRECTORY
from tests.stories.test_replay import LOOKED_AT, candidate

PATIENCE = 30.0


class Watched:
    """A sidecar whose policy file is changed while it runs."""

    def __init__(self, sidecar: launch.Server, file: Path) -> None:
        self.sidecar = sidecar
        self.file = file

    def api(self, path: str) -> dict:
        with urllib.request.urlopen(self.sidecar.admin_url + path, timeout=10) as answer:
            return json.load(answer)

    def metrics(self) -> str:
        with urllib.request.urlopen(f"{self.sidecar.admin_url}/metrics", timeout=10) as page:
            return page.read().decode()

    def save(self, text: str) -> None:
        """Save a policy and wait until every data plane goes by it."""
        part = self.file.with_suffix(".part")
        part.write_text(text)
        checked = check(part)
        part.replace(self.file)
        assert checked.policies is not None, checked.wrong
        self.until(
            lambda: (
                {one["digest"] for one in self.api("/api/v1/policies")["workers"]}
                == {checked.policies.digest}
            )
        )

    def until(self, condition) -> None:
        limit = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < limit, self.sidecar.process.last_words()
            time.sleep(0.05)

    def applied(self, rule: str) -> int:
        """How often a rule applied, of the policy in force."""
        rules = self.api("/api/v1/policies")["policies"][0]["rules"]
        return next(one["applied"] for one in rules if one["name"] == rule)


@pytest.fixture(scope="module")
def watched(model, baseline, tmp_path_factory):
    directory = tmp_path_factory.mktemp("policies")
    file = directory / "policy.yaml"
    shutil.copy(DIRECTORY / "01-observe.yaml", file)
    with launch.sidecar(
        model.url, directory, ["--baseline", str(baseline), "--policy", str(file)]
    ) as sidecar:
        yield Watched(sidecar, file)


def ready(name: str) -> str:
    return (DIRECTORY / name).read_text()


def ask(watched: Watched, *rows: np.ndarray) -> list[Answer]:
    with Caller(watched.sidecar.url) as caller:
        return [caller.infer(row[None]) for row in rows]


def seen(answer: Answer, name: str) -> str | None:
    return answer.headers.get(name)


def test_observe(watched, flight):
    watched.save(ready("01-observe.yaml"))
    (normal,) = ask(watched, flight.clean[0])
    assert normal.status == 200
    assert seen(normal, "x-policy-action") == 'allow; rule="default"'
    assert seen(normal, "x-anomaly-verdict") is not None


def test_tag(watched, flight):
    watched.save(ready("02-tag.yaml"))
    answers = ask(watched, *flight.outliers[:20])
    assert {answer.status for answer in answers} == {200}
    tagged = [answer for answer in answers if seen(answer, "x-policy-action").startswith("tag")]
    assert len(tagged) >= 15
    assert {seen(answer, "x-anomaly-verdict") for answer in tagged} == {"outlier"}
    watched.until(lambda: watched.applied("odd") + watched.applied("extreme") >= len(tagged))


def test_block_extreme_outliers(watched, flight):
    """With so few rows held out p cannot be under 0.0001: the threshold is one that this baseline reaches."""
    watched.save(ready("03-block-extreme.yaml").replace("p <= 0.0001\n", "p <= 0.01\n"))
    answers = ask(watched, *flight.outliers[:20], *flight.clean[:20])
    blocked = [answer for answer in answers if answer.status == 422]
    assert 10 <= len(blocked) <= 21
    assert {seen(answer, "x-sidecar-error") for answer in blocked} == {"blocked"}
    watched.until(lambda: watched.applied("extreme") == len(blocked))


def test_query_attack_throttle(watched, flight):
    watched.save(
        ready("05-query-attack-throttle.yaml").replace("60/min", "2/h").replace("burst: 60", "burst: 1")
    )
    answers = ask(watched, *np.repeat(flight.clean[:1], 400, axis=0))
    statuses = [answer.status for answer in answers]
    assert statuses[:100] == [200] * 100
    assert statuses[-1] == 429
    assert int(seen(answers[-1], "retry-after")) > 0
    assert all(seen(answer, "x-anomaly-verdict") is None for answer in answers)


def test_a_walk_around_one_input_ends_with_its_third_question(watched, flight):
    """The ready-made policy, with rates that nobody reaches here. Readings of one flight follow each other
    closely, so only small steps are a walk."""
    text = ready("05-query-attack-throttle.yaml")
    watched.save(text.replace("> 5.0", "> 1000000.0").replace("50/s", "100000/s"))
    step = 1e-5 * flight.clean.std(axis=0)
    answers = ask(watched, *(flight.clean[7] + i * step for i in range(6)), *flight.clean[20:40])
    assert [answer.status for answer in answers] == [200] * 2 + [403] * 4 + [200] * 20
    watched.until(lambda: watched.applied("walk") == 4)


def test_schema_guard(watched, flight):
    watched.save(ready("06-schema-guard.yaml"))
    (normal,) = ask(watched, flight.clean[0])
    assert normal.status == 200
    wrong = {"inputs": [{"name": "s2", "shape": [1, 1], "datatype": "FP64", "data": [1.0]}]}
    request = urllib.request.Request(
        f"{watched.sidecar.url}/v2/models/flight/infer",
        json.dumps(wrong).encode(),
        {"Content-Type": "application/json"},
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    with refused.value as answer:
        assert answer.status == 422
        assert json.load(answer)["type"] == "urn:sidecar:error:blocked"


def test_drift_aware_fallback(watched, model, flight, tmp_path):
    """Whether it is drifted is the observer's to say; here no state counts as it, and then every one."""
    with launch.model(tmp_path) as previous:
        text = ready("07-drift-fallback.yaml").replace("http://127.0.0.1:8081", previous.url)
        drifted = '["skew", "feature-drift", "concept-drift", "feature-and-concept-drift"]'
        watched.save(text.replace(drifted, '["upstream"]'))
        (before,) = ask(watched, flight.clean[0])
        assert seen(before, "x-policy-action") == 'allow; rule="default"'
        watched.save(
            text.replace(drifted, drifted.replace("]", ', "stable", "unknown", "prediction-drift"]'))
        )
        (after,) = ask(watched, flight.clean[0])
        assert after.status == 200
        assert seen(after, "x-policy-action") == 'fallback; rule="drift-fallback/previous-model"'
        watched.until(lambda: watched.api("/api/v1/policies")["alerts"])


def test_a_candidate_is_asked_too_and_callers_never_notice(watched, model, flight):
    rule = "action: shadow\n    to: "
    text = f"apiVersion: sidecar/v1\nkind: Policy\nname: p\nrules:\n  - name: new\n    {rule}"
    high = float(np.median(flight.clean[:60, LOOKED_AT]))

    def came_to() -> dict[str, int]:
        (rule,) = watched.api("/api/v1/policies")["policies"][0]["rules"]
        return rule["shadow"]["outcomes"]

    with candidate(model, high) as other:
        watched.save(text + other)
        answers = ask(watched, *flight.clean[:60])
        watched.until(lambda: sum(came_to().values()) == 60)
    outcomes = came_to()
    above = {
        answer.headers["x-request-id"]
        for answer, row in zip(answers, flight.clean[:60], strict=True)
        if row[LOOKED_AT] > high
    }
    assert outcomes["status"] == 6  # every tenth is refused
    assert len(above) - 6 <= outcomes["numbers"] <= len(above)
    assert set(outcomes) == {"same", "numbers", "status"}
    told = watched.api("/api/v1/policies")["shadowed"]
    assert {one["request_id"] for one in told if one["outcome"] == "numbers"} <= above
    assert {round(one["largest"], 6) for one in told if one["outcome"] == "numbers"} == {0.25}
    watched.save(text + "http://127.0.0.1:1")
    answers += ask(watched, *flight.clean[:5])
    watched.until(lambda: came_to().get("failed") == 5)
    assert {answer.status for answer in answers} == {200}
    assert {seen(answer, "x-policy-action") for answer in answers} == {'shadow; rule="p/new"'}
    watched.until(lambda: 'shadow_calls_total{outcome="failed",rule="p/new"} 5.0' in watched.metrics())


def test_what_a_policy_would_have_done_to_captured_calls_is_what_it_then_does(
    watched, model, baseline, flight, start_sidecar, tmp_path
):
    rules = """apiVersion: sidecar/v1
kind: Policy
name: planned
threshold: 0.2
rules:
  - {name: elsewhere, when: method == "GET", action: tag}
  - {name: low, when: 'features["s9"] < 0.5', action: tag}
  - {name: many, when: verdict == "outlier", action: alert}
  - {name: extreme, when: p <= 0.01, action: block}
  - {name: rest, when: p > 0.5, action: tag}
"""
    rows = np.vstack((flight.clean[:60], flight.outliers[:20]))
    rules = rules.replace("0.5'", f"{np.median(rows[:, LOOKED_AT]):.6f}'")
    place = tmp_path / "captures"
    flags = ("--baseline", str(baseline), "--capture", str(place), "--capture-rate", "1")
    before = start_sidecar(model.url, *flags)
    with Caller(before.url) as caller:
        for row in rows:
            assert caller.infer(row[None]).status == 200
    before.process.stop()
    file = tmp_path / "planned.yaml"
    file.write_text(rules)
    command = [sys.executable, "-m", "sidecar.cli", "policy", "test", str(file), "--against", str(place)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    said = dict(re.findall(r"planned/(\S+) +applies to (\d+) of them", ended.stdout))
    assert ended.stdout.startswith(f"{len(rows)} captured calls, which stand for {len(rows)}\n")

    watched.save(rules)
    answers = ask(watched, *rows)

    def ends():
        return {name: str(watched.applied(name)) for name in said}

    watched.until(lambda: ends() == said)  # the last calls are told a moment after their answers
    assert ends() == said
    assert list(said) == ["elsewhere", "low", "many", "extreme", "rest"]
    assert all(0 < int(said[name]) < len(rows) for name in ("low", "many", "extreme", "rest"))
    assert sum(answer.status == 403 for answer in answers) == int(said["extreme"])
    assert f"  allow -> block: {said['extreme']}\n" in ended.stdout


def test_public_edge(watched, flight):
    watched.save(ready("08-public-edge.yaml"))
    (own,) = ask(watched, flight.clean[0])
    assert seen(own, "x-anomaly-verdict") is not None
    watched.save(ready("08-public-edge.yaml").replace('"127.0.0.1"', '"127.0.0.9"'))
    (public,) = ask(watched, flight.clean[0])
    assert public.status == 200
    assert seen(public, "x-anomaly-verdict") is seen(public, "x-policy-action") is None


def test_a_mistake_changes_nothing_and_is_told(watched, flight):
    watched.save(ready("02-tag.yaml"))
    watched.file.write_text(ready("02-tag.yaml").replace("action: tag", "action: tga"))
    watched.until(lambda: watched.api("/readyz")["policy_errors"])
    assert 'did you mean "tag"?' in watched.api("/readyz")["policy_errors"][0]
    (answer,) = ask(watched, flight.outliers[0])
    assert seen(answer, "x-policy-action").startswith("tag")
    watched.save(ready("01-observe.yaml"))
    assert watched.api("/readyz")["policy_errors"] == []
