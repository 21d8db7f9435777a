"""What a call is before anybody knows by which protocol it came."""

import pytest

from sidecar.proxy.case import Case
from sidecar.proxy.heads import request_head
from sidecar.proxy.judged import UNKNOWN_FORMAT
from tests.proxy.dialogue import sidecar

HOST = ((b"Host", b"m"),)


async def test_a_case_waits_for_a_score_only_where_a_codec_knows_its_route():
    async with sidecar() as stage:
        known = request_head(b"POST", b"/v2/models/m/infer", "1.1", HOST, frozenset())
        unknown = request_head(b"GET", b"/", "1.1", HOST, frozenset())
        assert Case(stage.plane, "10.0.0.1", known).judgement is None
        case = Case(stage.plane, "10.0.0.1", unknown)
        assert case.judgement is UNKNOWN_FORMAT
        assert case.peer == "10.0.0.1"
        case.invite()  # nobody is there to be asked


async def test_only_a_protocol_knows_what_to_do_with_a_score():
    async with sidecar() as stage:
        case = Case(stage.plane, "", request_head(b"GET", b"/", "1.1", HOST, frozenset()))
        with pytest.raises(NotImplementedError):
            case.judged(UNKNOWN_FORMAT)
