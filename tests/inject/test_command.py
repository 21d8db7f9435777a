"""`sidecar inject` and `sidecar uninject` as a person runs them: a manifest goes through, or nothing does."""

import json
from pathlib import Path

import pytest

from sidecar import cli
from sidecar.inject.manifest import read
from tests.inject.test_workloads import POD, workload


@pytest.fixture
def sidecar(capsys):
    def run(*arguments):
        code = cli.main(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def yaml_file(tmp_path, text):
    path = tmp_path / "manifest.yaml"
    path.write_text(text)
    return str(path)


YAML = """\
# a comment
apiVersion: v1
kind: Service
metadata: {name: a}
spec: {ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: a}
spec:
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec:
      containers:
        - name: m
          image: i
          env: [{name: T, value: "12:30"}]
          ports: [{containerPort: 8080, name: http}]
"""


def test_a_manifest_goes_through_and_back(sidecar, tmp_path):
    path = yaml_file(tmp_path, YAML)
    code, out, err = sidecar("inject", "-f", path)
    assert code == 0
    assert err == "sidecar: Deployment/a: injected: m port 8080 by redirect: sidecar on 9700\n"
    again = yaml_file(tmp_path, out)
    assert sidecar("inject", "-f", again)[:2] == (0, out)
    code, out, _ = sidecar("uninject", "-f", again)
    assert code == 0
    assert read(out, "back") == read(YAML, "given")


def test_from_standard_input(sidecar, monkeypatch, tmp_path):
    with Path(yaml_file(tmp_path, YAML)).open() as given:
        monkeypatch.setattr("sys.stdin", given)
        assert sidecar("inject", "-f", "-")[0] == 0


def test_what_is_no_text_on_standard_input_is_said(sidecar, monkeypatch, tmp_path):
    (tmp_path / "latin").write_bytes("kind: Größe".encode("latin-1"))
    with (tmp_path / "latin").open() as given:
        monkeypatch.setattr("sys.stdin", given)
        code, _, err = sidecar("inject", "-f", "-")
    assert (code, err.partition(":")[0]) == (1, "sidecar")
    assert "standard input: 'utf-8' codec" in err


def test_json_stays_json(sidecar, tmp_path):
    path = yaml_file(tmp_path, json.dumps(workload("Pod")))
    code, out, _ = sidecar("inject", "-f", path)
    assert code == 0
    assert json.loads(out)["spec"]["initContainers"][0]["name"] == "model-sidecar"


def test_options(sidecar, tmp_path):
    path = yaml_file(tmp_path, json.dumps(workload("Pod")))
    _, out, _ = sidecar(
        "inject", "-f", path, "--traffic", "service", "--image", "x:1", "--kubernetes", "v1.28.3"
    )
    spec = json.loads(out)["spec"]
    assert "initContainers" not in spec
    assert spec["containers"][1]["image"] == "x:1"


def test_one_refusal_and_nothing_is_printed(sidecar, tmp_path):
    refused = {**workload("Pod"), "spec": {**POD, "hostNetwork": True}}
    path = yaml_file(tmp_path, YAML + "---\n" + json.dumps(refused))
    code, out, err = sidecar("inject", "-f", path)
    assert (code, out) == (1, "")
    assert "Pod/a: The pod uses its node's network" in err


@pytest.mark.parametrize("command", ["inject", "uninject"])
def test_a_file_without_work_is_an_error(sidecar, tmp_path, command):
    code, out, err = sidecar(command, "-f", yaml_file(tmp_path, "kind: ConfigMap\nmetadata: {name: c}\n"))
    assert (code, out) == (1, "")
    assert "ConfigMap/c" in err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["-f", "/no/such"], 1, "/no/such: No such file"),
        ([], 2, "--file"),
        (["-f", "x", "--kubernetes", "new"], 2, "--kubernetes new"),
        (["-f", "x", "--config", "/no/such"], 2, "--config /no/such"),
    ],
)
def test_what_is_wrong(sidecar, arguments, code, said):
    found, out, err = sidecar("inject", *arguments)
    assert (found, out) == (code, "")
    assert said in err
