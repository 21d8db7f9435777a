from sidecar.console.pages import refusal
from tests.console.pages.test_frame import OVERVIEW
from tests.console.seen import HOSTILE, check


def test_what_is_not_there_is_said_within_the_console():
    seen = check(refusal.page("No such call", f"it was called {HOSTILE}", OVERVIEW))
    assert f"It was called {HOSTILE}" in seen.words
    assert {"/", "/outliers"} <= set(seen.links())


def test_who_may_not_look_sees_the_reason_and_nothing_else():
    seen = check(refusal.page("Not from here", HOSTILE, None))
    assert HOSTILE in seen.words
    assert seen.links() == []
    assert not [tag for tag, _ in seen.elements if tag == "script"]
