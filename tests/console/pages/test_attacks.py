from sidecar.console.attacks_view import attacks
from sidecar.console.pages import attacks as page
from sidecar.observer.observer import Observer
from tests.console.seen import check
from tests.console.test_attacks_view import attacked
from tests.observer.test_observer import Clock, settings


def test_who_sends_made_inputs_why_and_what_was_done():
    seen = check("".join(page.parts(attacks(attacked(), 25))))
    for words in (
        "10.0.0.9",
        "question 14 of a sequence by 2 clients",
        "grain 40-60%",
        "block by strict/no: 2",
    ):
        assert words in seen.words
    assert "/exchanges/call-2" in seen.links()


def test_where_there_are_none_it_says_what_that_means():
    assert (
        "No call was called adversarial"
        in check("".join(page.parts(attacks(Observer(settings(), Clock()), 5)))).words
    )
