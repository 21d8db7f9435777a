"""Somebody opens the console in a real browser while a model's inputs drift, and finds what is to blame by
clicking.

A caller with bad intentions gives things names that would run. What takes longer is measured by
`bench.console`."""

from __future__ import annotations

import csv
import importlib.util
import io
import itertools
import shutil
import time
import urllib.request

import pytest

from examples.traffic import INFER, Caller, infer_body

needed = importlib.util.find_spec("playwright") and shutil.which("chromium")
pytestmark = pytest.mark.skipif(
    not needed, reason="needs playwright, and Debian's chromium (apt-get install chromium)"
)

NASTY = "<script>document.title='owned'</script>"
PATIENCE = 30_000
"""Milliseconds that a browser on a busy machine may take for anything."""


def send(caller, rows, batch=50):
    for start in range(0, len(rows), batch):
        caller.infer(rows[start : start + batch])


def test_the_drifted_feature_is_three_clicks_away_and_nothing_on_the_way_runs_or_leaves(
    model, baseline, flight, start_sidecar
):
    from bench.rig.browser import Visit, chromium

    sidecar = start_sidecar(model.url, "--baseline", str(baseline), "--service-name", "flight")
    with Caller(sidecar.url) as caller, chromium() as browser:
        for i in range(15):  # a few odd rows among others are no drift
            send(caller, flight.clean[100 * i : 100 * (i + 1)])
            caller.infer(flight.outliers[i, None])
        visit = Visit(browser, sidecar.admin_url)
        page = visit.to("/")
        page.locator("#mode-drift:not(.alarm)").wait_for(timeout=PATIENCE)

        send(caller, flight.drifted[-2000:])
        page.locator("#mode-drift.alarm").wait_for(timeout=PATIENCE)  # the page was not loaded anew
        page.locator("#mode-drift .next").click()
        page.locator(".multiples a").first.click()
        page.get_by_text("Left the reference").wait_for(timeout=PATIENCE)
        limit, later = time.monotonic() + PATIENCE / 1000, itertools.count()
        while not page.locator(
            "#chart-elsewhere .u-wrap"
        ).count():  # on a fast machine all came in one moment
            assert time.monotonic() < limit, page.locator("#course").inner_text()
            send(caller, flight.drifted[100 * next(later) :][:100])
            page.reload()
        assert page.locator("h1").inner_text() in ("s5", "s7", "s8", "s9", "s3", "s2")
        assert page.locator("time").first.inner_text().count("UTC") == 0, "times are in the viewer's zone"

        caller.post(f"{INFER}?{NASTY}", infer_body(flight.outliers[:1]), {"x-request-id": "<script>1"})
        visit.to("/outliers?verdict=all")
        limit = time.monotonic() + PATIENCE / 1000
        link = page.locator("#calls a", has_text="<script>1")
        while not (link.count() and page.locator(".cohort").count()):
            assert time.monotonic() < limit, page.locator("#calls").inner_text()
            page.reload()
        with urllib.request.urlopen(sidecar.admin_url + "/api/v1/cohorts/singles/rows.csv") as answer:
            rows = list(csv.DictReader(io.TextIOWrapper(answer)))
        assert all("s5" in row for row in rows)
        link.first.click()
        assert page.locator("h1").inner_text() == "One call"
        assert page.get_by_text(NASTY).count()
        assert page.title() != "owned"
        assert visit.wrong == []

        plain = Visit(browser, sidecar.admin_url, java_script_enabled=False)
        assert "feature drift" in plain.to("/").locator("#whole").inner_text()
        plain.to("/features?feature=s5")
        assert plain.page.locator("#chart-elsewhere svg").count() == 1
