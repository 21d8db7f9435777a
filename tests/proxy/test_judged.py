"""Why a request has no score, in the words that its caller is told."""

import math

from sidecar.exchange import Decision, Payload
from sidecar.proxy import judged
from sidecar.proxy.judged import Judged, unscored
from sidecar.proxy.reply import anomaly_fields


def test_each_reason_that_is_known_beforehand_is_what_the_caller_reads():
    known = {name.lower().replace("_", "-"): one for name, one in vars(judged).items() if type(one) is Judged}
    assert {"unknown-format", "too-large", "response-first", "deadline", "busy", "policy"} <= known.keys()
    for reason, one in known.items():
        assert math.isnan(one.score.p)
        told = anomaly_fields(one.score, Decision(), "")
        assert told.startswith(b'x-anomaly-verdict: unscored; reason="%b"\r\n' % reason.encode())


def test_what_could_be_read_is_kept_without_a_score():
    read = Payload("openai", (), brought=(1, 2))
    assert unscored("no-rows", read).brought == (1, 2)
    assert unscored("no-rows").brought == ()
