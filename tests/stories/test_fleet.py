"""Drift of a fleet: a real Prometheus scrapes two sidecars and a third that saw all that the two saw.

The recording rules of the chart make one number of each group. They must be the same number, and the one that
NumPy gives for the counts.
"""

from __future__ import annotations

import json
import math
import shutil
import time
import urllib.parse
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from examples import launch
from examples.flight import FEATURES, Flight
from examples.processes import Process, free_port
from k8s.render import CHART
from tests.test_docs import ROOT

pytestmark = pytest.mark.skipif(
    not shutil.which("prometheus"), reason="not installed: prometheus (Debian: prometheus)"
)

ROWS = 700
FLOOR = 0.0005
"""Of the rules: a share of nothing has no logarithm."""


def post(url: str, rows: np.ndarray[Any, Any]) -> None:
    tensor = {
        "name": "readings",
        "datatype": "FP64",
        "shape": list(rows.shape),
        "data": rows.ravel().tolist(),
    }
    body = json.dumps({"inputs": [tensor]}).encode()
    request = urllib.request.Request(
        f"{url}/v2/models/flight/infer", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()


def feature_rows(admin: str) -> dict[tuple[str, str], float]:
    """The bin counters of one sidecar, by feature and bin."""
    found: dict[tuple[str, str], float] = defaultdict(float)
    with urllib.request.urlopen(f"{admin}/metrics", timeout=30) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith("sidecar_feature_rows_total{"):
                labels = dict(
                    part.split("=", 1) for part in line[line.index("{") + 1 : line.rindex("}")].split('",')
                )
                name, bin_ = labels["feature"].strip('"'), labels["bin"].strip('"')
                found[name, bin_] += float(line.rpartition(" ")[2])
    return found


class Prometheus:
    """A real one, asked over its API."""

    def __init__(self, process: Process, url: str) -> None:
        self.process, self._url = process, url

    def ask(self, query: str) -> list[dict[str, Any]]:
        url = f"{self._url}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            found = json.loads(answer.read())["data"]["result"]
        return [{**one["metric"], "value": float(one["value"][1])} for one in found]


@pytest.fixture(scope="module")
def fleet(
    model: launch.Server, baseline: Path, flight: Flight, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[list[launch.Server], Prometheus]]:
    """Two sidecars and one, all traffic sent, and a Prometheus that has scraped all of it."""
    directory = tmp_path_factory.mktemp("fleet")
    with ExitStack() as ends:
        sidecars = []
        for name in ("a", "b", "all"):
            (directory / name).mkdir()
            flags = ("--baseline", str(baseline))
            sidecars.append(ends.enter_context(launch.sidecar(model.url, directory / name, flags)))
        a, b, everything = sidecars
        rows = flight.reference[:ROWS] * np.linspace(0.9, 1.2, ROWS)[:, None]  # it drifts
        for number, part in enumerate(np.array_split(rows, 35)):
            post((a if number % 3 else b).url, part)
            post(everything.url, part)
        for one, count in ((a, None), (b, None), (everything, ROWS)):
            one.process.wait_until(lambda s=one, n=count: _seen(s) >= (n or 1))  # type: ignore[misc]
        everything.process.wait_until(lambda: _seen(a) + _seen(b) == _seen(everything) == ROWS)
        prometheus = ends.enter_context(_started(directory, sidecars))
        server = Prometheus(prometheus, f"http://127.0.0.1:{_port(directory)}")
        counted = f'sum by (baseline) (sidecar_feature_rows_total{{feature="{FEATURES[0]}"}})'
        prometheus.wait_until(lambda: [one["value"] for one in server.ask(counted)] == [ROWS, ROWS], 60)
        whole = time.time()
        recorded = "timestamp(sidecar:feature_psi:total)"  # rules see what was scraped before they are asked
        prometheus.wait_until(
            lambda: [one["value"] > whole for one in server.ask(recorded)] == [True] * 2 * len(FEATURES), 60
        )
        yield sidecars, server


def _seen(sidecar: launch.Server) -> float:
    counted = feature_rows(sidecar.admin_url)
    return sum(rows for (name, _), rows in counted.items() if name == next(iter(counted))[0])


def _started(directory: Path, sidecars: list[launch.Server]) -> Process:
    """The two are one fleet and the third another: only the label of the baseline keeps the sums apart."""

    def job(name: str, servers: list[launch.Server]) -> dict[str, Any]:
        targets = [one.admin_url.removeprefix("http://") for one in servers]
        apart = [
            {"source_labels": ["baseline"], "regex": "(.+)", "target_label": "baseline", "replacement": name}
        ]
        return {"job_name": name, "static_configs": [{"targets": targets}], "metric_relabel_configs": apart}

    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(ROOT / CHART / "files" / "rules.yaml")],
        "scrape_configs": [job("pair", sidecars[:2]), job("single", sidecars[2:])],
    }
    (directory / "prometheus.yaml").write_text(yaml.safe_dump(config))
    port = free_port()
    (directory / "port").write_text(str(port))
    command = [
        "prometheus",
        f"--config.file={directory / 'prometheus.yaml'}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    process = Process("prometheus", command, directory)
    try:
        process.wait_for(f"http://127.0.0.1:{port}/-/ready", 60)
    except BaseException:
        process.stop()
        raise
    return process


def _port(directory: Path) -> int:
    return int((directory / "port").read_text())


def by_feature(found: list[dict[str, Any]], baseline: str) -> dict[str, float]:
    return {one["feature"]: one["value"] for one in found if one["baseline"] == baseline}


def test_two_sidecars_give_the_psi_of_one_that_saw_everything(fleet):
    _, prometheus = fleet
    found = prometheus.ask("sidecar:feature_psi:total")
    pair, single = by_feature(found, "pair"), by_feature(found, "single")
    assert pair.keys() == single.keys()
    assert max(single.values()) > 0.01, "nothing drifted, so nothing was compared"
    for feature, psi in single.items():
        assert math.isclose(pair[feature], psi, rel_tol=0, abs_tol=1e-9)


def test_it_is_the_psi_of_the_counts(fleet):
    sidecars, prometheus = fleet
    counted = feature_rows(sidecars[2].admin_url)
    reference = {
        (one["feature"], one["bin"]): one["value"]
        for one in prometheus.ask('sidecar_feature_reference_ratio{job="single"}')
    }
    single = by_feature(prometheus.ask("sidecar:feature_psi:total"), "single")
    for feature, psi in single.items():
        bins = [key for key in counted if key[0] == feature]
        live = np.array([counted[key] for key in bins])
        live = np.maximum(live / live.sum(), FLOOR)
        expected = np.maximum([reference[key] for key in bins], FLOOR)
        assert math.isclose(psi, ((live - expected) * np.log(live / expected)).sum(), abs_tol=1e-9)


def test_no_rule_fails(fleet):
    _, prometheus = fleet
    assert prometheus.process.running
    said = prometheus.process.log.read_text()
    assert "Evaluating rule failed" not in said
    assert "err=" not in said
