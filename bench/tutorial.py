"""Does the tutorial lead where it says? A real browser walks it, by the words on the screen.

    python -m bench.tutorial                             what was found; the status is 0 when it was right
    python -m bench.tutorial --pictures docs/pictures    and the tutorial's pictures

Starts what the tutorial starts, `scripts/demo` and `scripts/demo --chain`, and learns from them where their
pages are, as a reader does. Words to follow must be on the screen and in docs/tutorial.md. What was found is
compared with the data: the input that moved most, rows of after the model was shipped, the model that got a
new version. Ends by itself."""

from __future__ import annotations

import argparse
import csv
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Locator, Page

from bench.rig.browser import Visit, chromium
from examples.flight import FEATURES, flight
from examples.processes import ROOT, NotStarted, Process, python

TUTORIAL = " ".join((ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8").split())

PLAYED_SECONDS, FOUND_SECONDS, ENDED_SECONDS = 400.0, 60.0, 60.0
"""Until a demo has played what it plays, a page has what is said to be there, and a demo has ended what it
started."""

STAYS = "up until Ctrl-C"
"""What a demo says last."""


class Lost(Exception):
    """The screen doesn't have what the tutorial says, or the tutorial what the screen has."""


class Walk:
    """Somebody at a page, with the tutorial in hand. `place`: where pictures go, if anywhere."""

    def __init__(self, browser: Browser, url: str, place: Path | None) -> None:
        self.visit = Visit(browser, url)
        self.page: Page = self.visit.page
        self.page.set_default_timeout(FOUND_SECONDS * 1000)
        self._place = place
        self.visit.to("/")

    def finds(self, words: str, within: str = "body") -> Locator:
        """What says so. Raises Lost unless the tutorial says it, too."""
        if words not in TUTORIAL:
            raise Lost(f"docs/tutorial.md doesn't have {words!r}")
        found = self.page.locator(within).get_by_text(words).first
        try:
            found.wait_for()
        except Exception as error:
            raise Lost(f"{self.page.url} doesn't have {words!r}") from error
        return found

    def alarm(self, title: str) -> Locator:
        """The link of the row of the overview that is called so, which must be an alarm."""
        self.finds(title, ".mode.alarm")
        return self.page.locator(".mode.alarm", has=self.page.get_by_text(title, exact=True)).get_by_role(
            "link"
        )

    def picture(self, name: str) -> None:
        """The page as it is now, once its charts are drawn."""
        self.page.mouse.move(1, 1)
        self.page.wait_for_timeout(1500)
        if self._place is not None:
            self.page.screenshot(path=self._place / f"{name}.png")


@contextmanager
def played(home: Path, *flags: str) -> Iterator[dict[str, str]]:
    """A demo that has played: the addresses it tells, by what it calls them."""
    demo = Process("demo" + "".join(flags), python("examples.demo", *flags), home)
    try:
        demo.wait_until(lambda: STAYS in demo.last_words(30), PLAYED_SECONDS)
        told = demo.last_words(30)
        pages = {name: url for url, name in re.findall(r"(http://\S+)/chain +\((\w+)\)", told)}
        yield pages or {"flight": re.findall(r"Admin page: (http://\S+)/", told)[-1]}
    finally:
        demo.stop(ENDED_SECONDS)


def input_that_moved(walk: Walk) -> str:
    """1. Which input drifted? Its name."""
    follow = walk.alarm("Feature drift")
    walk.picture("overview")
    follow.click()
    first = walk.page.locator(".multiples a").first
    first.wait_for()
    walk.picture("features")
    first.click()
    walk.finds("Left the reference")
    walk.finds("How it came")
    walk.picture("feature")
    return walk.page.locator("h1").inner_text()


def rows_that_are_missing(walk: Walk, home: Path) -> np.ndarray:
    """2. Which rows are missing from the training data? The largest gap, as saved: (rows, inputs)."""
    walk.page.get_by_role("link", name="Overview", exact=True).click()
    walk.alarm("Outliers").click()
    walk.page.locator("#cohorts").filter(has_not_text="a new search is under way").wait_for()
    walk.finds("No training row is such", ".cohort")
    group = walk.page.locator(".cohort", has_text="No training row is such").first
    walk.picture("outliers")
    walk.finds("Parquet", ".cohort")
    walk.finds("CSV", ".cohort")
    with walk.page.expect_download() as download:
        group.get_by_text("CSV").click()
    file = home / download.value.suggested_filename
    download.value.save_as(file)
    group.locator("a code").first.click()
    walk.page.get_by_role("heading", name="One call").wait_for()
    walk.picture("call")
    with file.open(newline="") as lines:
        return np.array([[float(row[name]) for name in FEATURES] for row in csv.DictReader(lines)])


def model_that_broke_the_chain(walk: Walk) -> str:
    """3. Which model broke the chain? Its name."""
    walk.page.get_by_role("link", name="Chain", exact=True).click()
    walk.finds("Ask all of them now").click()
    named = walk.page.locator("#blame .big")
    named.wait_for()
    walk.picture("chain")
    name = named.inner_text().split()[-1]
    walk.visit.to("/outliers?verdict=all")
    walk.page.locator("#calls td a").first.click()
    walk.page.locator("#call a[href^='/trace/']").click()
    walk.page.locator("#trace svg").wait_for()
    walk.picture("trace")
    return name


def walked(browser: Browser, home: Path, place: Path | None) -> list[str]:
    """The whole way: what was wrong, after what was found was printed."""
    data = flight()
    with played(home) as pages:
        walk = Walk(browser, pages["flight"], place)
        name = input_that_moved(walk)
        rows = rows_that_are_missing(walk, home)
        wrong = [*walk.visit.wrong]  # as long as the demo was up
        walk.page.close()
    known = set(map(tuple, np.concatenate((data.clean, data.reference))))
    new = sum(row not in known for row in map(tuple, rows))
    print(f"The input that drifted: {name}")
    print(f"The rows to label: {len(rows)}, of which {new} are of after the model was shipped", flush=True)
    moved = np.abs(np.median(data.drifted, axis=0) - np.median(data.reference, axis=0))
    most = FEATURES[int(np.argmax(moved / data.reference.std(axis=0)))]
    wrong += [f"{most} moved most, not {name}"] if name != most else []
    wrong += ["most of the exported rows were known before"] if 2 * new <= len(rows) else []
    with played(home, "--chain") as pages:
        walk = Walk(browser, pages["action"], place)
        name = model_that_broke_the_chain(walk)
        wrong += walk.visit.wrong
    print(f"The model that broke the chain: {name}")
    return [*wrong, *([f"speech got a new version, not {name}"] if name != "speech" else [])]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.tutorial", description=__doc__)
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="write the tutorial's pictures there")
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="sidecar-tutorial-") as home, chromium() as browser:
            wrong = walked(browser, Path(home), options.pictures)
    except (Lost, NotStarted) as error:
        wrong = [str(error)]
    print("\n".join(wrong) or "As it should be.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
