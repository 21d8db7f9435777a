"""Parcels and reports cross the wire unchanged, and nothing else does."""

import msgspec
import pytest

from sidecar.capture.parcels import Report, parcel, report, sealed, weighed
from tests.capture import kept


def test_round_trips():
    one = kept.parcel(7, kept.call(1), kept.call(2))
    assert repr(parcel(sealed(one)[4:])) == repr(one)
    said = Report(3, {"unwritable": 2}, "no space")
    assert report(sealed(said)[4:]) == said


@pytest.mark.parametrize("read", [parcel, report])
def test_garbage(read):
    with pytest.raises(msgspec.MsgspecError):
        read(b"\xc1garbage")


def test_what_is_long_weighs():
    assert weighed(kept.call(1, features=bytes(80_000))) > 80_000
    assert kept.parcel(1, kept.call(1), kept.call(2)).size == 2 * weighed(kept.call(1))
