"""The nouns travel between sidecars as JSON."""

import msgspec

from sidecar.cascade import Pairs, Replayed, Row, Witness

ROW = Row("id", "t" * 32, 0, 1.5, 1.75, "1", (1.0, "text", None, True), (0.1,))


def test_a_witness_survives_the_wire_to_the_bit():
    told = Witness(
        "speech", (Pairs("m", "/r", ("a", "b", "c", "d"), ("y",), (ROW,)),), (("a", "b"),), Replayed(1)
    )
    assert msgspec.json.decode(msgspec.json.encode(told), type=Witness) == told


def test_whole_numbers_are_numbers():
    wire = b'["id","t",0,1,2,"",[1,"x"],[2]]'
    found = msgspec.json.decode(wire, type=Row)
    assert found.asked == (1.0, "x")
    assert isinstance(found.asked[0], float)
