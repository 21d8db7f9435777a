from sidecar.console.pages import frame
from tests.console.seen import HOSTILE, check

OVERVIEW = {
    "service": HOSTILE,
    "upstream_url": HOSTILE,
    "state": "alarm",
    "headline": f"Needs you: {HOSTILE}",
    "stamp": HOSTILE,
    "records": 1234,
}


def test_every_page_leads_to_every_other_and_says_where_it_is():
    seen = check(frame.page("/chain", "Chain", OVERVIEW, "content"))
    assert {path for path, _ in frame.PAGES} <= set(seen.links())
    current = [a["href"] for tag, a in seen.elements if a.get("aria-current") == "page"]
    assert current == ["/chain"]
    assert seen.words.count(HOSTILE) == 4
    (main,) = [attributes for tag, attributes in seen.elements if tag == "main"]
    assert (main["data-stamp"], main["data-records"]) == (HOSTILE, "1234")
    assert ("html", {"lang": "en"}) in seen.elements


def test_without_a_script_the_page_is_drawn_anew():
    page = frame.page("/", "Overview", OVERVIEW)
    assert f'<noscript><meta http-equiv="refresh" content="{frame.REFRESH_SECONDS}"></noscript>' in page
