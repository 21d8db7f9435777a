import msgspec

from sidecar.cascade.pairs import Answer, EdgeFinding, Finding, Moved, Onset
from sidecar.console import chain_view
from sidecar.console.pages import chain
from sidecar.observer.edges import Counts, Edge
from sidecar.observer.observer import Observer
from tests.console.seen import HOSTILE, check
from tests.observer.test_observer import Clock, settings

FINDING = Finding(
    *("speech", True, 0.001, 8.2, 300, 0.9, "answers", 400, 300),
    onset=Onset(1_763_910_060.0, 1_763_910_050.0, 1_763_910_070.0),
    versions=("1", "2"),
    answered_moved=(Moved(HOSTILE, 0.4, 0.001),),
)
OTHER = msgspec.structs.replace(FINDING, model="intent", changed=False, onset=None)
ANSWER = {
    **msgspec.to_builtins(
        Answer(
            *(
                "model",
                "speech",
                1_763_910_060.0,
                "speech changed.",
                ("it came first",),
                "intent",
                ("intent",),
            ),
            (FINDING, OTHER),
            (EdgeFinding("speech", "intent", (), ()),),
        )
    ),
    "missing": (HOSTILE,),
}


def drawn(observer, answer, peers=1):
    found = chain_view.graph(observer)
    return check("".join(chain.parts(found, answer, 1_763_910_100.0 if answer else 0.0, peers, [])))


def test_a_model_that_stands_alone_says_what_would_change_that():
    seen = drawn(Observer(settings(), Clock()), None, peers=0)
    assert "stands alone" in seen.words


def test_who_broke_the_chain_is_named_with_evidence_and_who_was_not_heard():
    observer = Observer(settings(service_name="intent"), Clock())
    observer.edges.counts[Edge("speech", "intent")] = Counts(
        100, 300, 1, flagged=14, upstream_odd=20, both=10
    )
    before = drawn(observer, None)
    assert "/chain?ask=true" in before.links()
    seen = drawn(observer, ANSWER)
    for words in (
        "speech changed.",
        "it came first",
        HOSTILE,
        "1 → 2",
        "Suffers from it: intent",
        "50%5.00%",
    ):
        assert words in seen.words
