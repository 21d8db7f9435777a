"""A caller, a model and training data with bad intentions: whatever they name is text on every page.

Everything that somebody from outside can name carries a script: features, categories, header values, paths,
ids, models, versions, labels. In a real browser none of it runs, none asks another host for anything, and
what is to be seen of it is letters."""

from __future__ import annotations

import csv
import importlib.util
import json
import shutil
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np
import pytest

from examples.launch import Server
from examples.traffic import Caller
from tests.stories.test_cohorts import served, sidecar

needed = importlib.util.find_spec("playwright") and shutil.which("chromium")
pytestmark = pytest.mark.skipif(
    not needed, reason="needs playwright, and Debian's chromium (apt-get install chromium)"
)

PATIENCE = 180.0


def nasty(kind: str) -> str:
    """A name of this kind that would run, and call home, were it anything but text."""
    return f"{kind}\"'><script>owned=1</script><img src=//evil.example onerror=owned=1>"


FEATURE, CATEGORY, HEADER = (nasty(kind) for kind in ("feature", "category", "header"))
MODEL, OUTPUT, LABEL, SERVICE, WORDS = map(nasty, ("model", "output", "label", "service", "description"))
QUERY = nasty("query").replace(" ", "%20")
PATH = f"/v1/models/{quote(MODEL, safe='')}:predict?{QUERY}"


class Shop:
    """A model that answers with whatever name it was given."""

    url = ""

    def answer(self, body: bytes) -> bytes:
        rows = json.loads(body)["instances"]
        return json.dumps({"predictions": [{OUTPUT: row["amount"]} for row in rows]}).encode()


def orders(count: int, seed: int, country: str = "") -> list[dict[str, Any]]:
    random = np.random.default_rng(seed)
    return [
        {
            "amount": round(random.normal(), 3),
            FEATURE: round(random.normal(), 3),
            "country": country or str(random.choice(["de", "fr", nasty("known")])),
        }
        for _ in range(count)
    ]


@pytest.fixture
def attacked(tmp_path: Path, start_sidecar: Any) -> Any:
    reference, baseline = tmp_path / "orders.csv", tmp_path / "baseline"
    with reference.open("w", newline="") as file:
        lines = csv.DictWriter(file, ["amount", FEATURE, "country"])
        lines.writeheader()
        lines.writerows(orders(600, seed=0))
    sidecar("fit", "--data", str(reference), "--out", str(baseline), "--detectors", "ecod")
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "apiVersion: sidecar/v1\nkind: Policy\nname: guard\ndescription: "
        + json.dumps(WORDS)
        + '\nrules:\n  - name: odd\n    when: verdict == "outlier"\n    action: alert\n'
    )
    model = Shop()
    with served(model):
        flags = ["--baseline", str(baseline), "--policy", str(policy), "--window-rows", "200"]
        yield start_sidecar(model.url, *flags, env={"OTEL_SERVICE_NAME": SERVICE})


def ask(watched: Server, rows: list[dict[str, Any]]) -> None:
    with Caller(watched.url, PATIENCE) as caller:
        for row in rows:
            body = json.dumps({"instances": [row]}).encode()
            answer = caller.post(PATH, body, {"user-agent": HEADER})
            assert answer.status == 200, answer.body


def told(watched: Server, path: str) -> Any:
    with urllib.request.urlopen(f"{watched.admin_url}/api/v1/{path}", timeout=PATIENCE) as answer:
        return json.load(answer)


def label(watched: Server, calls: list[dict[str, Any]]) -> None:
    """Push what some calls turned out to be, in words that run."""
    body = json.dumps([{"id": one["id"], "label": LABEL} for one in calls]).encode()
    type_ = {"Content-Type": "application/json"}
    asked = urllib.request.Request(f"{watched.admin_url}/api/v1/labels", body, type_)
    urllib.request.urlopen(asked, timeout=PATIENCE).close()


def test_scripts_in_whatever_can_be_named_are_text_on_every_page(attacked: Server) -> None:
    from bench.rig.browser import Visit, chromium
    from sidecar.console.pages.frame import PAGES

    ask(attacked, orders(400, seed=1))
    with chromium() as browser:
        visit = Visit(browser, attacked.admin_url)
        page = visit.page
        page.set_default_timeout(PATIENCE * 1000)
        visit.to("/").locator("#mode-drift.fine").wait_for()
        ask(attacked, orders(200, 2, CATEGORY))
        page.locator("#mode-drift.alarm").wait_for()  # swapped by the script, which draws what it fetched
        limit = time.monotonic() + PATIENCE
        while not told(attacked, "cohorts?refresh=true")["cohorts"]:
            assert time.monotonic() < limit, told(attacked, "cohorts")

        calls = told(attacked, "exchanges?verdict=outlier")["exchanges"]
        label(attacked, calls)
        paths = [path for path, _ in PAGES]
        paths += [f"/features?{urlencode({'feature': name})}" for name in (FEATURE, "country")]
        paths += [f"/exchanges/{calls[0]['id']}", f"/trace/{calls[0]['trace_id']}", "/outliers?verdict=all"]
        letters = ""
        for path in paths:
            letters += visit.to(path).title() + page.locator("body").inner_text()
            assert page.evaluate("typeof owned") == "undefined", path
            assert page.locator("img, script:not([src])").count() == 0, path
        assert visit.wrong == []
        lost = [
            one for one in (FEATURE, CATEGORY, HEADER, QUERY, MODEL, SERVICE, WORDS) if one not in letters
        ]
        assert lost == [], "each is there to be read"
