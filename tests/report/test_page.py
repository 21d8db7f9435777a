"""A report of real digits that moved, of a version that was closed, and of callers with bad intentions."""

import asyncio
from html.parser import HTMLParser

import pytest

from sidecar.report.command import gathered
from sidecar.report.page import page
from tests.console.admin import asked, drifted
from tests.observer.real import draw
from tests.observer.talk import of_rows

NASTY = '"><script>alert(1)</script>'


class Reader(HTMLParser):
    """The tags that are open, those that ever were, and the text."""

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.attributes, self.words = [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.seen.append(tag)
        self.attributes += attributes
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, "tags close in their order"

    def handle_data(self, data):
        self.words.append(data)


def play_version(observer, baseline, version, rows):
    for start in range(0, len(rows), 10):
        observer.clock.now += 0.4
        part = rows[start : start + 10]
        record = of_rows(start, part, baseline.digest, version=version, response_body=b"")
        observer.take_in([record])


@pytest.fixture
async def report(baseline):
    observer = drifted(baseline)
    play_version(observer, baseline, NASTY, draw(1200, seed=50))
    mixed = draw(1500, seed=51)
    mixed[:, 12] = mixed[::-1, 12]
    play_version(observer, baseline, NASTY, mixed)
    async with asked(observer) as client:
        admin = str(client.make_url("/")).rstrip("/")
        found = await asyncio.to_thread(gathered, admin, observer.clock.now - 3600.0)
    return page(found, admin, "1h")


def read(report):
    reader = Reader()
    reader.feed(report)
    reader.close()
    return reader


async def test_it_is_one_whole_page_that_loads_and_runs_nothing(report):
    reader = read(report)
    assert reader.open == []
    assert not {"script", "link", "img", "iframe", "object"} & set(reader.seen)
    assert not [name for name, _ in reader.attributes if name.startswith("on") or name in ("src", "href")]
    assert "default-src 'none'" in report
    assert NASTY not in report
    assert "&lt;script&gt;" in report


async def test_it_tells_the_verdict_with_its_numbers_and_what_led_there(report):
    words = " ".join(read(report).words)
    assert "feature-drift" in words
    assert "x7" in words
    for heading in ("Changes of verdicts", "Closed windows", "What was left out"):
        assert heading in words
    assert "other-version" in words
    assert "Evidence of inputs" in words
    assert "beside the reference (line)" in words
    assert " ~ " in words, "relations with their correlations"
    assert read(report).seen.count("svg") > 10
