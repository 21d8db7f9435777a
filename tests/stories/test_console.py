"""All six ways in which a model fails, one after the other, before somebody whose page stays open.

A real browser looks at real sidecars before a real model. Whatever the API says, the page shows within five
seconds; from there somebody finds the input, the group of rows and the caller by clicking. What takes longer
is measured by `bench.console`."""

from __future__ import annotations

import collections
import contextlib
import importlib.util
import json
import shutil
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from examples import launch
from examples.flight import FEATURES, Flight, Rows
from examples.launch import Server
from examples.processes import free_port
from examples.traffic import Caller

needed = importlib.util.find_spec("playwright") and shutil.which("chromium")
pytestmark = pytest.mark.skipif(
    not needed, reason="needs playwright, and Debian's chromium (apt-get install chromium)"
)

PATIENCE = 180.0
"""Seconds that anything may take on a busy machine."""

SHOWN_SECONDS, SHOWN_EVENTS = 5.0, 3
"""How soon a verdict is on the page: by the clock, or where the machine is too slow for that, by the pieces
of news that the page heard before it asked for what it shows."""

WINDOW = 300
BATCH = 50

WALK = """apiVersion: sidecar/v1
kind: Policy
name: guard
rules:
  - {name: walk, when: sequence.n >= 3, action: block}
"""

COUNTS = """
window.heard = window.asked = 0;
const Source = window.EventSource;
window.EventSource = class extends Source {
  constructor(url) { super(url); this.addEventListener("message", () => { window.heard += 1; }); }
};
const get = window.fetch;
window.fetch = (...what) => { window.asked = window.heard; return get(...what); };
"""
"""Counts what the page hears; runs before the page's own scripts."""


class Scene(NamedTuple):
    """A model with a sidecar, and another one that feeds it."""

    front: Server
    """Feeds `flight`; trained on the late part of the flight, so that the early part is skew to it."""

    flight: Server


@pytest.fixture
def scene(model: Server, baseline: Path, flight: Flight, tmp_path: Path) -> Iterator[Scene]:
    policy = tmp_path / "policy.yaml"
    policy.write_text(WALK)
    late = flight.drifted[-3000:]
    front = tmp_path / "front"
    front.mkdir()
    learned = launch.fit(flight._replace(train=late, train_labels=np.zeros(len(late))), front, "ecod")
    egress, admin = (f"127.0.0.1:{free_port()}" for _ in range(2))
    flags = ["--baseline", str(baseline), "--service-name", "flight", "--window-rows", str(WINDOW)]
    flags += ["--policy", str(policy), "--peers", f"front=http://{admin}"]
    flags += ["--prediction", "score=p_fault,positive=1"]
    with contextlib.ExitStack() as ends:
        last = ends.enter_context(launch.sidecar(model.url, tmp_path, flags))
        relay = ends.enter_context(launch.relay(front, f"http://{egress}/flight"))
        flags = ["--baseline", str(learned), "--egress", egress, "--route", f"flight={last.url}"]
        named = {"OTEL_SERVICE_NAME": "front"}
        yield Scene(ends.enter_context(launch.sidecar(relay.url, front, flags, named, admin)), last)


def told(sidecar: Server, path: str) -> Any:
    with urllib.request.urlopen(f"{sidecar.admin_url}/api/v1/{path}", timeout=PATIENCE) as answer:
        return json.load(answer)


def sent(sidecar: Server, rows: Rows, batch: int = BATCH) -> Iterator[str]:
    """Send rows, some in a call, as far as somebody asks for the ids of the calls."""
    with Caller(sidecar.url, PATIENCE) as caller:
        for i in range(0, len(rows), batch):
            yield caller.infer(rows[i : i + batch]).headers["x-request-id"]


def labelled(sidecar: Server, rows: Rows, labels: np.ndarray) -> Iterator[None]:
    """Send rows, and then push what they turned out to be."""
    told_of = []
    for id_, part in zip(sent(sidecar, rows), labels.reshape(-1, BATCH), strict=True):
        told_of.append({"id": id_, "label": part.tolist()})
        yield
    body, type_ = json.dumps(told_of).encode(), {"Content-Type": "application/json"}
    urllib.request.urlopen(
        urllib.request.Request(f"{sidecar.admin_url}/api/v1/labels", body, type_), timeout=PATIENCE
    ).close()
    yield


def verdict(sidecar: Server, part: str, state: str) -> bool:
    return any(one[part]["state"] == state for one in told(sidecar, "verdict")["flows"])


def mode(sidecar: Server, name: str) -> str:
    (state,) = [one["state"] for one in told(sidecar, "overview")["modes"] if one["name"] == name]
    return str(state)


class Watcher:
    """Somebody with a page of the console open."""

    def __init__(self, browser: Any, sidecar: Server, path: str = "/") -> None:
        from bench.rig.browser import Visit

        self.sidecar = sidecar
        self.visit = Visit(browser, sidecar.admin_url)
        self.page = self.visit.page
        self.page.set_default_timeout(PATIENCE * 1000)
        self.page.add_init_script(COUNTS)
        self.visit.to(path)
        limit = time.monotonic() + PATIENCE
        while not self.page.evaluate(
            "window.heard > 0"
        ):  # to wait for it would be to poll by `eval`, forbidden
            assert time.monotonic() < limit, "the page hears nothing"
            self.page.wait_for_timeout(20)

    def sees(
        self, what: str, doing: Iterator[Any], said: Callable[[], Any], selector: str, *, new: bool = True
    ) -> None:
        """Goes on with something until the API says what came of it; then the page shows it soon, and was not
        loaded anew for that. `new`: nothing before this could have brought it about."""
        assert not (new and self.page.locator(selector).count()), f"{what} is shown before it is so"
        limit = time.monotonic() + PATIENCE
        while not said():
            assert time.monotonic() < limit, (what, told(self.sidecar, "overview")["modes"])
            if next(doing, self) is self:
                time.sleep(0.02)
        began, heard = time.monotonic(), self.page.evaluate("window.heard")
        self.page.locator(selector).first.wait_for()
        seconds, events = time.monotonic() - began, self.page.evaluate("window.asked") - heard
        print(f"{what}: shown {seconds:.2f} s after the verdict, with piece {events} of news")
        assert seconds <= SHOWN_SECONDS or events <= SHOWN_EVENTS, (what, seconds, events)
        assert self.page.evaluate("performance.getEntriesByType('navigation').length") == 1


def test_each_way_of_failing_is_on_the_page_within_seconds_and_leads_to_what_is_to_blame(
    scene: Scene, flight: Flight, tmp_path: Path
) -> None:
    from bench.rig.browser import Visit, chromium

    front, last = scene
    clean, odd = iter(np.split(flight.clean[:6000], 60)), flight.outliers
    random, step = np.random.default_rng(0), 1e-5 * flight.clean.std(axis=0)

    def ordinary(hundreds: int) -> Rows:
        return np.concatenate([next(clean) for _ in range(hundreds)])

    with chromium() as browser:
        before, overview = Watcher(browser, front), Watcher(browser, last)
        seen = {path: Watcher(browser, last, path) for path in ("/outliers", "/attacks")}

        skew = sent(front, ordinary(4))
        before.sees("skew", skew, lambda: verdict(front, "inputs", "never-matched"), "#mode-skew.alarm")

        *_, _ = labelled(last, rows := ordinary(12), random.random(len(rows)) < 0.02)
        overview.page.locator("#mode-drift.fine").wait_for()
        other_truth = labelled(last, rows := ordinary(6), random.random(len(rows)) < 0.5)
        overview.sees(
            "concept drift", other_truth, lambda: verdict(last, "labels", "moved"), "#mode-answers.alarm"
        )

        mixed = np.concatenate([part for i in range(15) for part in (next(clean), odd[3 * i : 3 * i + 3])])
        overview.sees(
            "outliers",
            sent(last, mixed, 103),
            lambda: mode(last, "outliers") == "alarm",
            "#mode-outliers.alarm",
        )
        cohorts = (iter(()), lambda: told(last, "cohorts")["cohorts"], ".cohort")
        seen["/outliers"].sees("a cohort", *cohorts, new=False)  # of the outliers just sent

        walk = sent(last, np.array([flight.clean[7] + i * step for i in range(6)]), 1)
        seen["/attacks"].sees("an attack", walk, lambda: told(last, "attacks")["calls_total"], "#clients")
        overview.page.locator("#mode-adversarial.alarm").wait_for()

        overview.sees(
            "feature drift, and where it came from",
            sent(last, flight.drifted[-2000:]),
            lambda: (
                verdict(last, "inputs", "moved") and told(last, "verdict")["state"].startswith("upstream")
            ),
            "#mode-drift.alarm ~ #mode-cascade.alarm",
        )

        the_input_is_three_clicks_away(overview, last, flight)
        one_call_says_what_made_its_score(seen["/outliers"])
        assert "block by guard/walk" in seen["/attacks"].page.locator("#clients").inner_text()
        assert [one.visit.wrong for one in (before, overview, *seen.values())] == [[]] * 4
        everything_is_said_without_a_script(Visit(browser, last.admin_url, java_script_enabled=False))
        the_group_is_exported(seen["/outliers"], flight, tmp_path)


def the_input_is_three_clicks_away(overview: Watcher, sidecar: Server, flight: Flight) -> None:
    page = overview.page
    page.locator("#mode-drift .next").click()
    page.locator(".multiples a").first.click()
    page.get_by_text("Left the reference").wait_for()
    assert page.locator("h1").inner_text() in FEATURES
    assert "UTC" not in page.locator("main time[title]").first.inner_text(), "in the viewer's zone"
    limit = time.monotonic() + PATIENCE
    while not page.locator("#chart-elsewhere .u-wrap").count():  # on a fast machine all came in one moment
        assert time.monotonic() < limit, page.locator("#course").inner_text()
        collections.deque(sent(sidecar, flight.drifted[-100:]), maxlen=0)
        page.reload()


def one_call_says_what_made_its_score(outliers: Watcher) -> None:
    page = outliers.page
    page.locator(".cohort a code").first.click()
    page.get_by_role("heading", name="One call").wait_for()
    marked = page.locator("#rows strong").all_inner_texts()
    assert {one.removeprefix("▲ ") for one in marked} <= set(FEATURES)
    assert marked
    page.go_back()


def the_group_is_exported(outliers: Watcher, flight: Flight, place: Path) -> None:
    pandas = pytest.importorskip("pandas", reason="requirements/dev.txt has pandas: scripts/test installs it")
    page = outliers.page
    known = set(map(tuple, np.concatenate((flight.clean, flight.outliers, flight.drifted))))
    for words, read in (("CSV", pandas.read_csv), ("Parquet", pandas.read_parquet)):
        with page.expect_download() as download:
            page.locator(".cohort").first.get_by_text(words, exact=True).click()
        file = place / download.value.suggested_filename
        download.value.save_as(file)
        table = read(file)
        assert list(table.columns[: len(FEATURES)]) == list(FEATURES)
        assert len(table) > 3
        assert set(map(tuple, table[list(FEATURES)].to_numpy(float))) <= known, "as they were sent"
        assert (table["sidecar_p"] <= 0.01).all()
    assert outliers.visit.wrong == []


def everything_is_said_without_a_script(visit: Any) -> None:
    from sidecar.console.pages.frame import PAGES

    for path, _ in PAGES:
        assert "Needs you: " in visit.to(path).locator("#whole").inner_text()
    visit.to("/features?feature=s5")
    assert visit.page.locator("#chart-elsewhere svg").count() == 1
    assert visit.wrong == []
