from html.parser import HTMLParser

from sidecar.console.page import STYLE, render, text
from sidecar.observer.edges import Counts, Edge
from sidecar.observer.observer import Observer
from tests.console.admin import drifted
from tests.observer.talk import batch, record
from tests.observer.test_observer import Clock, settings

HOSTILE = '"><script>alert(1)</script><img src=//evil.example onerror=alert(2)>'


ALLOWED = {"html", "head", "meta", "title", "link", "body", "footer"}
ALLOWED |= {"h1", "h2", "div", "table", "tr", "th", "td", "span", "code", "a", "svg", "path"}


class Seen(HTMLParser):
    """What a browser would make of a page: elements, their attributes, and the text."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.open, self.words = [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data

    def tags(self):
        return {tag for tag, _ in self.elements}


def test_the_main_facts_stand_on_the_page(baseline):
    observer = drifted(baseline)
    observer.hear(batch(baseline=baseline.directory))
    seen = Seen(render(observer))
    assert seen.open == [], "every element is closed"
    for fact in (
        "feature-drift",
        "sudden",
        "as-before",
        "x7",
        "call-1000",
        "glass",
        baseline.digest,
        "http://127.0.0.1:8080",
    ):
        assert fact in seen.words
    assert seen.words.count("yes") == 1


def test_edges_are_shown_with_a_way_to_the_culprit():
    observer = Observer(settings(service_name="b"))
    assert "/api/v1/cascade" not in render(observer), "nobody feeds it, so there is nothing to ask"
    observer.edges.counts[Edge(HOSTILE, "b")] = Counts(100, 300, 1, flagged=14, upstream_odd=20, both=10)
    seen = Seen(render(observer))
    assert seen.open == []
    assert not seen.tags() & {"script", "img"}
    assert f"{HOSTILE}b1001" in seen.words
    assert "50.00%5.00%" in seen.words
    assert ("a", {"href": "/api/v1/cascade"}) in seen.elements


def test_nothing_on_it_is_a_script_or_from_elsewhere(baseline):
    observer = drifted(baseline)
    (flow,) = observer.traffic.flows.values()
    flow.drift.names = (HOSTILE, *flow.drift.names[1:])
    strange = record(9000, id=HOSTILE, target=f"/{HOSTILE}", model=HOSTILE, method=HOSTILE, verdict="outlier")
    observer.take_in([strange])
    seen = Seen(render(observer))
    assert seen.words.count("<script>") >= 4
    assert seen.tags() <= ALLOWED
    for _, attributes in seen.elements:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "style")]
        assert attributes.get("href", "/").startswith("/")
        assert not attributes.get("href", "/").startswith("//")


def test_a_sidecar_that_has_heard_nothing_says_so():
    seen = Seen(render(Observer(settings(learn_rows=7), Clock())))
    assert "no data plane worker is connected" in seen.words
    assert "learning, 0 of 7 rows" in seen.words


def test_why_learning_failed_can_be_read():
    observer = Observer(settings(), Clock())
    observer.learning.failed("all columns are constant")
    assert "all columns are constant" in Seen(render(observer)).words


def test_values_as_text():
    assert [text(value) for value in (None, 1, 0.123456, "a<b", '"')] == [
        "",
        "1",
        "0.1235",
        "a&lt;b",
        "&quot;",
    ]


def test_the_style_sheet_fetches_nothing():
    style = STYLE.read_text(encoding="utf-8")
    assert "url(" not in style
    assert "@import" not in style
