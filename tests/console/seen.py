"""What a browser would make of a page, and what must never be in one."""

from html.parser import HTMLParser

HOSTILE = '"><script>alert(1)</script><img src=//evil.example onerror=alert(2)>'

VOID = ("meta", "link", "input")

OURS = ("/static/uplot.js", "/static/console.js")


class Seen(HTMLParser):
    """Elements, their attributes, and the text."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.open, self.words = [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data

    def tags(self):
        return {tag for tag, _ in self.elements}

    def links(self):
        return [attributes["href"] for tag, attributes in self.elements if tag == "a"]


def check(page):
    """A page that is whole, runs nothing but our files, and leads nowhere else. Returns what was seen."""
    seen = Seen(page)
    assert seen.open == [], "every element is closed"
    assert not seen.tags() & {"style", "img", "iframe", "object", "base"}
    for tag, attributes in seen.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], attributes
        if tag == "script":
            assert attributes["src"] in OURS
        elif "src" in attributes:
            raise AssertionError(f"{tag} loads {attributes['src']}")
        href = attributes.get("href", "/")
        assert href.startswith(("/", "#"))
        assert not href.startswith("//")
    ids = [attributes["id"] for _, attributes in seen.elements if "id" in attributes]
    assert len(ids) == len(set(ids)), "ids name one element each"
    return seen
