"""All sidecars at once: pods of one model are one, and one that is away costs only its own part."""

import msgspec

from examples.processes import free_port
from sidecar.cascade import Replayed, Witness
from sidecar.peers.gathering import gathered, merged
from tests.cascade.chains import chain, pairs
from tests.test_asking import answering

STAGE = chain(1)[0]


def test_who_is_away_is_named_and_the_others_are_heard():
    told = Witness("speech", (pairs(*STAGE, "m"),), (("speech", "intent"),))
    with answering(msgspec.json.encode(told)) as (url, heard):
        found = gathered([url, f"http://127.0.0.1:{free_port()}"])
    assert found.witnesses == (told,)
    assert heard.paths == ["/api/v1/pairs"]
    assert len(found.missing) == 1
    assert "no answer" in found.missing[0]


def test_pods_of_one_model_are_one_model():
    whole = pairs(*STAGE, "m")
    first = msgspec.structs.replace(whole, rows=whole.rows[::2])
    second = msgspec.structs.replace(whole, rows=whole.rows[1::2])
    told = merged(
        [
            Witness("a", (first,), (("a", "b"),), Replayed(4, 0, True, 5.0)),
            Witness("b", ()),
            Witness("a", (second,), (("a", "c"),), Replayed(3, 1, True, 2.0, 3.0)),
        ]
    )
    assert [one.service for one in told] == ["a", "b"]
    assert told[0].pairs == (whole,)
    assert told[0].edges == (("a", "b"), ("a", "c"))
    assert told[0].replayed == Replayed(7, 1, True, 5.0, 3.0)
