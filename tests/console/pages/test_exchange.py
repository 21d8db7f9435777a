from sidecar.console import exchange_view
from sidecar.console.pages import exchange
from sidecar.exchange import DetectorScore
from sidecar.observer.observer import Observer
from tests.console.admin import drifted
from tests.console.seen import check
from tests.observer.real import draw
from tests.observer.talk import of_rows, record
from tests.observer.test_observer import Clock, settings


def test_what_made_the_score_comes_first_and_is_marked(baseline):
    observer = drifted(baseline)
    name = observer.schema.fields[9].name
    detectors = (DetectorScore("ecod", 41.2, 0.002, (name,)),)
    observer.take_in(
        [
            of_rows(
                2000,
                draw(2, seed=8),
                baseline.digest,
                verdict="outlier",
                flagged=(1,),
                p=0.002,
                detectors=detectors,
            )
        ]
    )
    found = exchange_view.exchange(observer, "call-2000")
    seen = check("".join(exchange.parts(found, {name: 0.5}, "")))
    marked = seen.words.index(f"▲ {name}")
    assert marked < seen.words.index(observer.schema.fields[10].name)
    assert "ecod" in seen.words
    assert seen.words.index("Row 2") < seen.words.index("Row 1"), "the flagged row comes first"


def test_a_call_that_was_not_laid_out_says_so():
    observer = Observer(settings(), Clock())
    observer.take_in([record(1)])
    found = exchange_view.exchange(observer, "call-1")
    seen = check("".join(exchange.parts(found, {}, "/viewer/{trace}")))
    assert "No rows" in seen.words
    assert f"/viewer/{found['trace_id']}" in seen.links()
