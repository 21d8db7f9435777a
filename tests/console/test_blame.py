from sidecar.console.blame import FRESH_SECONDS, Blame
from sidecar.observer.observer import Observer
from tests.observer.test_observer import Clock, settings


async def test_the_last_answer_is_kept_and_asked_for_anew_once_it_is_old():
    observer = Observer(settings(peers="other=http://127.0.0.1:9"), Clock())
    blame = Blame(observer)
    assert blame.answer is None
    first = await blame.fresh()
    assert "127.0.0.1:9" in first["missing"][0]
    assert await blame.fresh() is first
    observer.clock.now += FRESH_SECONDS + 1
    assert await blame.fresh() is not first
    assert blame.asked == observer.clock.now


async def test_an_answer_about_a_part_of_the_time_is_not_the_one_that_is_kept():
    blame = Blame(Observer(settings(), Clock()))
    await blame.ask(1_763_910_000.0)
    assert blame.answer is None
