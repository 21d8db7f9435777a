from sidecar.console.pages import sign_in
from tests.console.seen import HOSTILE, check


def test_the_form_has_a_label_and_says_what_was_wrong():
    seen = check(sign_in.page(HOSTILE))
    assert ("label", {"for": "token"}) in seen.elements
    assert HOSTILE in seen.words
    assert "script" not in seen.tags()
