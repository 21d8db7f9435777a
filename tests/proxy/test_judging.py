"""Scores on their way: the right one for each call, never in its way, and a reason where there is none."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import threading
import time
from collections.abc import Callable, Sequence
from functools import cache

import msgspec
import numpy as np
import pytest

from sidecar import codecs
from sidecar.codecs import Codec, v1
from sidecar.codecs.tool_calls import digest
from sidecar.defence.guard import Guard
from sidecar.exchange import Features, Payload, Request, Score
from sidecar.features import Field, Schema
from sidecar.features.images import ImageReading
from sidecar.link import Progress
from sidecar.proxy.judged import Judged
from sidecar.proxy.judging import Against, judge
from sidecar.scoring.baseline import Baseline, load
from sidecar.sequences import Walks
from tests.proxy.dialogue import OK, Peer, Response, Stage, forwarded, http, sidecar
from tests.scoring.made import CARDIO, cardio
from tests.scoring.sets import adbench

LARGE = 70_000
"""Bytes of a body that is scored in the thread."""


@cache
def baseline(*detectors: str) -> Baseline:
    return load(cardio(*(detectors or ("ecod",))))


def infer(rows: np.ndarray, *fields: str, size: int = 0) -> bytes:
    """A request for these rows; `size`: bytes that its body has at least."""
    body = json.dumps({"instances": rows.tolist()}).encode().ljust(size)
    return http(
        "POST /v1/models/m:predict HTTP/1.1", "Host: m", *fields, f"Content-Length: {len(body)}", body=body
    )


@cache
def rows_by_p(least: float, most: float) -> np.ndarray:
    """Held-out rows whose p-value lies between these."""
    rows = np.vstack((adbench(CARDIO).clean[1000:], adbench(CARDIO).outliers))
    p = np.array(score(rows).row_p)
    return rows[(p >= least) & (p <= most)]


def clean(count: int = 1) -> np.ndarray:
    return rows_by_p(0.1, 1.0)[:count]


def outliers(count: int = 1) -> np.ndarray:
    return rows_by_p(0.0, 0.01)[:count]


def decoded(body: bytes, names: Sequence[str] = (), coding: bytes = b"", **changes: object) -> Judged:
    """What is found in one body, by a codec with these changes."""
    fields = ((b"content-type", b"application/json"), *(((b"content-encoding", coding),) if coding else ()))
    request = Request("POST", "/v1/models/m/versions/2:predict", fields, body)
    codec = msgspec.structs.replace(v1.CODEC, **changes)
    return judge([(request, codec, None)], Against(baseline(*names), 0.05, Guard()))[0]._replace(took_ns=0)


@pytest.mark.parametrize("detectors", [("ecod",), ("ecod", "knn")])
@pytest.mark.parametrize("rows", [clean, outliers])
def test_one_row_is_judged_the_same_by_the_short_way(rows, detectors):
    for one in rows(8):
        body = json.dumps({"instances": [one.tolist()]}).encode()
        short, long = decoded(body, detectors), decoded(body, detectors, read_one=None)
        assert baseline(*detectors).plain == one.size
        assert short._replace(score=long.score) == long
        assert short.score.verdict == long.score.verdict
        assert short.score.p == long.score.p
        for ours, theirs in zip(short.score.detectors, long.score.detectors, strict=True):
            assert ours.raw == pytest.approx(theirs.raw, rel=1e-12)
            assert (ours.name, ours.p) == (theirs.name, theirs.p)
        # KNN's reasons may be as good as one another, and then the last bit decides.
        assert short.score.detectors[0].top == long.score.detectors[0].top


def test_a_body_that_says_it_is_compressed_is_never_read_as_it_is():
    body = json.dumps({"instances": clean(1).tolist()}).encode()
    assert decoded(body, coding=b"gzip").score.reason == "malformed-gzip"


def score(rows: np.ndarray) -> Score:
    """What the baseline itself says of these rows."""
    return baseline().score(Features(rows, rows), 0.01)


async def answer(caller: Peer, model: Peer) -> dict[str, str | None]:
    """Let the model answer; what the caller is told of the score."""
    await model.send(OK)
    response = await caller.response()
    assert response.body == b"ok"
    names = ("x-anomaly-score", "x-anomaly-verdict", "x-anomaly-detail", "x-anomaly-rows")
    return {name.removeprefix("x-anomaly-"): response.field(name) for name in names}


class Watched:
    """A baseline that is looked over the shoulder: `asked` are the rows of each time that it was asked,
    `before` is called first, with all features."""

    def __init__(self, before: Callable[[Sequence[Features]], None] = lambda features: None) -> None:
        self.asked: list[int] = []
        self.schema, self.digest = baseline().schema, baseline().digest
        self.few, self.plain = 1, 0
        self._before = before

    def score(self, features: Features, threshold: float) -> Score:
        return self.score_many((features,), threshold)[0]

    def score_many(self, batch: Sequence[Features], threshold: float) -> list[Score]:
        self._before(batch)
        self.asked.append(sum(len(features.matrix) for features in batch))
        return baseline().score_many(batch, threshold)


def slow_when_large(batch: Sequence[Features]) -> None:
    if sum(len(features.matrix) for features in batch) > 5:
        time.sleep(0.3)


# -- scores ----------------------------------------------------------------------------------------


async def test_a_normal_row():
    async with sidecar(baseline=baseline()) as stage:
        caller, model = await stage.begin(infer(clean()))
        told = await answer(caller, model)
        assert told["verdict"] == score(clean()).verdict == "normal"
        assert told["score"] == f"{1 - score(clean()).p:.4f}"
        assert told["detail"].startswith("ecod;raw=")
        assert told["rows"] is None


async def test_a_batch_with_outliers():
    rows = np.vstack((clean(20), outliers(3)))
    async with sidecar(baseline=baseline()) as stage:
        caller, model = await stage.begin(infer(rows))
        told = await answer(caller, model)
        assert told["verdict"] == "outlier"
        assert told["rows"] == ", ".join(map(str, score(rows).flagged))
        (record,) = await stage.records()
        assert (record.rows, record.row_p, record.flagged) == (23, score(rows).row_p, score(rows).flagged)
        assert record.baseline == baseline().digest
        assert np.frombuffer(record.features).reshape(23, -1).tolist() == rows.tolist()


async def test_gzip_is_scored_and_passes_as_it_is():
    body = gzip.compress(json.dumps({"instances": clean().tolist()}).encode())
    request = http(
        *("POST /v1/models/m:predict HTTP/1.1", "Host: m", "Content-Encoding: gzip"),
        f"Content-Length: {len(body)}",
        body=body,
    )
    async with sidecar(baseline=baseline()) as stage:
        got, response = await stage.call(request, OK)
        assert forwarded(got) == request
        assert response.field("x-anomaly-verdict") == "normal"


async def test_each_call_gets_its_own_score():
    """However many are scored together, and in whatever order they are answered."""
    rows = np.vstack((clean(10), outliers(10)))
    async with sidecar(baseline=baseline()) as stage:
        calls = [await stage.begin(infer(row[None])) for row in rows]
        for at in np.random.default_rng(0).permutation(len(rows)):
            told = await answer(*calls[at])
            assert told["score"] == f"{1 - score(rows[at : at + 1]).p:.4f}"


async def test_calls_of_one_turn_are_scored_together():
    watched = Watched()
    async with sidecar(baseline=watched) as stage:
        callers = [await stage.caller() for _ in range(10)]
        for caller, row in zip(callers, clean(10), strict=True):
            caller.sock.send(infer(row[None]))  # all before the sidecar gets its turn
        models = [await stage.model() for _ in callers]
        for model in models:
            await model.request()
            await model.send(OK)
        for caller in callers:
            assert (await caller.response()).field("x-anomaly-verdict") == "normal"
    assert watched.asked == [10]


async def test_a_call_is_on_its_way_before_it_is_scored():
    forwarded_when_scored: list[bool] = []

    def look(batch: Sequence[Features]) -> None:
        (client,) = stage.plane.clients
        forwarded_when_scored.append(client.calls[0].forwarded_ns > 0)

    async with sidecar(baseline=Watched(look)) as stage:
        caller, model = await stage.begin(infer(clean()))
        assert (await answer(caller, model))["verdict"] == "normal"
        await caller.send(infer(clean()))  # this time on a connection that is there
        await model.request()
        assert (await answer(caller, model))["verdict"] == "normal"
    assert forwarded_when_scored == [True, True]


async def test_a_call_that_finds_no_model_is_scored_all_the_same():
    async with sidecar(baseline=baseline(), upstream="http://127.0.0.1:1") as stage:
        caller = await stage.caller()
        await caller.send(infer(outliers()))
        await caller.problem("upstream-refused")
        (record,) = await stage.records()
        assert (record.failure, record.verdict) == ("upstream-refused", "outlier")


# -- no score, and why -----------------------------------------------------------------------------

BAD_BODIES = {
    "not JSON": (b"not json", "not-json"),
    "another schema": (b'{"instances": [{"a": 1}]}', "missing-field:x0"),
    "no rows": (b'{"instances": []}', "no-rows"),
    "nothing": (b"", "not-json"),
}


@pytest.mark.parametrize("body", BAD_BODIES)
async def test_a_body_that_cannot_be_scored(body):
    sent, _ = BAD_BODIES[body]
    request = http("POST /v1/models/m:predict HTTP/1.1", "Host: m", f"Content-Length: {len(sent)}", body=sent)
    async with sidecar(baseline=baseline()) as stage:
        got, response = await stage.call(request, OK)
        assert forwarded(got) == request
        verdict = response.field("x-anomaly-verdict")
        (record,) = await stage.records()
        assert verdict == f'unscored; reason="{record.reason}"'
        assert record.reason
        assert response.field("x-anomaly-score") is None


async def test_one_bad_body_spoils_only_its_own_score():
    bad = http("POST /v1/models/m:predict HTTP/1.1", "Host: m", "Content-Length: 1", body=b"{")
    async with sidecar(baseline=baseline()) as stage:
        requests = [infer(clean()), bad, infer(outliers())]
        calls = [await stage.begin(request) for request in requests]
        verdicts = [(await answer(*call))["verdict"] for call in calls]
        assert [verdict.partition(";")[0] for verdict in verdicts] == ["normal", "unscored", "outlier"]


def fault(batch: Sequence[Features]) -> None:
    raise RuntimeError("a fault in a detector")


@pytest.mark.parametrize("size", [0, LARGE])
async def test_a_baseline_that_raises_costs_the_call_nothing_but_its_score(size):
    request = infer(clean(), size=size)
    async with sidecar(baseline=Watched(fault), errors=1) as stage:
        got, response = await stage.call(request, OK)
        assert forwarded(got) == request
        assert response.field("x-anomaly-verdict") == 'unscored; reason="internal"'


async def test_a_fault_with_one_call_is_not_the_others_fault():
    odd = outliers()

    def fault_with_the_odd_one(batch: Sequence[Features]) -> None:
        if any(features.matrix.tolist() == odd.tolist() for features in batch):
            raise RuntimeError("a fault in a detector")

    async with sidecar(baseline=Watched(fault_with_the_odd_one), errors=1) as stage:
        callers = [await stage.caller() for _ in range(5)]
        for caller, row in zip(callers, np.vstack((clean(4), odd)), strict=True):
            caller.sock.send(infer(row[None]))
        for _ in callers:
            model = await stage.model()
            await model.request()
            await model.send(OK)
        verdicts = [(await caller.response()).field("x-anomaly-verdict") for caller in callers]
        assert verdicts == ["normal"] * 4 + ['unscored; reason="internal"']


async def test_a_codec_that_raises_costs_the_call_nothing_but_its_score(monkeypatch):
    def read(request) -> Payload:
        raise ZeroDivisionError("a fault in a codec")

    codec = Codec("faulty", lambda request: True, read, codecs.CODECS[0].read_reply)
    monkeypatch.setattr(codecs, "choose", lambda request, hint: codec)
    async with sidecar(baseline=baseline()) as stage:
        _, response = await stage.call(infer(clean()), OK)
        assert response.field("x-anomaly-verdict") == 'unscored; reason="codec-fault"'


async def test_a_choice_of_codec_that_raises(monkeypatch):
    def choose(request, hint) -> None:
        raise ZeroDivisionError("a fault in the table of codecs")

    monkeypatch.setattr(codecs, "choose", choose)
    async with sidecar(baseline=baseline(), errors=1) as stage:
        _, response = await stage.call(infer(clean()), OK)
        assert response.field("x-anomaly-verdict") == 'unscored; reason="unknown-format"'


async def test_a_body_over_the_limit_of_scoring_passes():
    request = infer(clean(), size=3000)
    async with sidecar(baseline=baseline(), max_scored_bytes=2000) as stage:
        got, response = await stage.call(request, OK)
        assert forwarded(got) == request
        assert response.field("x-anomaly-verdict") == 'unscored; reason="too-large"'


async def test_an_answer_before_the_whole_request_is_unscored():
    async with sidecar(baseline=baseline()) as stage:
        caller = await stage.caller()
        await caller.send(infer(clean())[:-10])
        model = await stage.model()
        await model.head()
        told = await answer(caller, model)
        assert told["verdict"] == 'unscored; reason="response-first"'


async def test_while_learning():
    async with sidecar(learn_rows=700) as stage:
        _, response = await stage.call(infer(clean()), OK)
        assert response.field("x-anomaly-verdict") == "learning; seen=0; need=700"
        await stage.until(lambda: bool(stage.observer.batches), "the observer to be connected")
        stage.observer.order(Progress(seen=120, need=700))
        await stage.until(lambda: stage.plane.judge.seen == 120, "the order to arrive")
        _, response = await stage.call(infer(clean()), OK)
        assert response.field("x-anomaly-verdict") == "learning; seen=120; need=700"
        record, _ = await stage.records(2)
        assert json.loads(record.request_body) == {"instances": clean().tolist()}


# -- large bodies ----------------------------------------------------------------------------------


async def test_a_large_body_is_scored_in_the_thread():
    async with sidecar(baseline=baseline(), score_deadline=5.0) as stage:
        caller, model = await stage.begin(infer(outliers(), size=LARGE))
        told = await answer(caller, model)
        assert told["verdict"] == "outlier"


async def test_an_image_is_read_in_the_thread_however_small_its_body():
    """A PNG of 12 KB may hold four million pixels."""
    where: list[str] = []

    def score(features: Features, threshold: float) -> Score:
        where.append(threading.current_thread().name)
        return Score("normal", 0.5, (0.5,))

    watched = Watched()
    watched.score = score  # the baseline itself knows nothing of images
    reading = ImageReading("image", 255.0)
    watched.schema = Schema(tuple(Field(name, "number") for name in reading.fields), (reading,))
    body = json.dumps({"instances": np.zeros((1, 8, 8)).tolist()}).encode()
    request = infer(clean()).replace(infer(clean()).partition(b"\r\n\r\n")[2], b"")
    head = re.sub(rb"(?i)content-length: \d+", b"Content-Length: %d" % len(body), request)
    async with sidecar(baseline=watched, score_deadline=5.0) as stage:
        caller, model = await stage.begin(head + body)
        assert (await answer(caller, model))["verdict"] == "normal"
    (name,) = where
    assert name.startswith("judge")


async def test_a_large_body_does_not_hold_up_a_small_one():
    async with sidecar(baseline=Watched(slow_when_large), score_deadline=5.0) as stage:
        large, large_model = await stage.begin(infer(clean(10), size=LARGE))
        small, small_model = await stage.begin(infer(clean()))
        began = time.monotonic()
        assert (await answer(small, small_model))["verdict"] == "normal"
        assert time.monotonic() - began < 0.2
        assert (await answer(large, large_model))["verdict"] == "normal"
        assert time.monotonic() - began > 0.2, "it waited for its score"


async def test_an_answer_waits_for_its_score_no_longer_than_the_deadline():
    async with sidecar(baseline=Watched(slow_when_large), score_deadline=0.05) as stage:
        caller, model = await stage.begin(infer(clean(10), size=LARGE))
        began = time.monotonic()
        assert (await answer(caller, model))["verdict"] == 'unscored; reason="deadline"'
        assert time.monotonic() - began < 0.2


async def test_a_long_answer_that_waits_for_its_score_stays_with_the_model():
    async with sidecar(baseline=Watched(slow_when_large), score_deadline=5.0) as stage:
        caller, model = await stage.begin(infer(clean(10), size=LARGE))
        body = b"x" * 20_000_000
        sending = asyncio.ensure_future(
            model.send(http("HTTP/1.1 200 OK", f"Content-Length: {len(body)}", body=body))
        )
        await asyncio.sleep(0.1)
        assert not sending.done()
        response = await caller.response()
        assert response.field("x-anomaly-verdict") == "normal"
        assert response.body == body
        await sending


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_the_model_breaks_off_while_its_answer_waits(how):
    async with sidecar(baseline=Watched(slow_when_large), score_deadline=5.0) as stage:
        caller, model = await stage.begin(infer(clean(10), size=LARGE))
        await model.send(http("HTTP/1.1 200 OK", "Content-Length: 10", body=b"12345"))
        await asyncio.sleep(0.05)
        getattr(model, how)()
        head = await caller.head()
        assert b" 502 " in head or not (await caller.rest()).endswith(b"0\r\n\r\n")
        (record,) = await stage.records()
        assert record.failure == "response-truncated"


async def test_an_answer_without_framing_that_waits_for_its_score():
    async with sidecar(baseline=Watched(slow_when_large), score_deadline=5.0) as stage:
        caller, model = await stage.begin(infer(clean(10), size=LARGE))
        await model.send(http("HTTP/1.0 200 OK", body=b"all"))
        model.close()
        response = await caller.response()
        assert (response.field("x-anomaly-verdict"), response.body) == ("normal", b"all")


async def test_too_many_large_bodies(monkeypatch):
    monkeypatch.setattr("sidecar.proxy.judging.THREAD_BACKLOG", 1)
    async with sidecar(baseline=Watched(slow_when_large), score_deadline=5.0) as stage:
        calls = [await stage.begin(infer(clean(10), size=LARGE)) for _ in range(2)]
        verdicts = [(await answer(*call))["verdict"] for call in calls]
        assert verdicts == ["normal", 'unscored; reason="busy"']


async def test_a_large_body_is_scored_once_however_its_caller_goes_on(monkeypatch):
    """Each byte of a next request would otherwise have it scored again, until there is no room for it."""
    monkeypatch.setattr("sidecar.proxy.judging.THREAD_BACKLOG", 3)
    watched = Watched(slow_when_large)
    async with sidecar(baseline=watched, score_deadline=5.0) as stage:
        caller, model = await stage.begin(infer(clean(10), size=LARGE))
        await caller.send(b"POST / HTTP/1.1\r\nHost: m\r\n", size=1)
        assert (await answer(caller, model))["verdict"] == "normal"
        caller.close()
    assert watched.asked == [10]


async def test_the_caller_leaves_while_its_body_is_scored():
    async with sidecar(baseline=Watched(slow_when_large), score_deadline=5.0) as stage:
        caller, model = await stage.begin(infer(clean(10), size=LARGE))
        await model.send(OK)
        caller.reset()
        (record,) = await stage.records()
        assert record.failure == "client-gone"
        await asyncio.sleep(0.3)


# -- scored first ----------------------------------------------------------------------------------


async def forwarded_score(stage: Stage, request: bytes) -> tuple[bytes, Peer, Peer]:
    """What the model is told before it works."""
    caller = await stage.caller()
    await caller.send(request)
    model = await stage.model()
    return await model.request(), caller, model


@pytest.mark.parametrize("size", [0, LARGE])
async def test_the_model_sees_the_score_with_the_request(size):
    async with sidecar(baseline=baseline(), expose="model", score_deadline=5.0) as stage:
        got, caller, model = await forwarded_score(stage, infer(outliers(), size=size))
        assert b"x-anomaly-verdict: outlier\r\n" in got
        told = await answer(caller, model)
        assert set(told.values()) == {None}


async def test_a_large_body_that_is_scored_first_does_not_hold_up_a_small_one():
    async with sidecar(baseline=Watched(slow_when_large), expose="both", score_deadline=5.0) as stage:
        large = await stage.caller()
        await large.send(infer(clean(10), size=LARGE))
        await asyncio.sleep(0.02)
        began = time.monotonic()
        got, _, _ = await forwarded_score(stage, infer(clean()))
        assert time.monotonic() - began < 0.2
        assert b"x-anomaly-verdict: normal\r\n" in got
        model = await stage.model()
        assert b"x-anomaly-verdict: normal\r\n" in await model.request()


async def test_a_request_that_is_scored_first_waits_no_longer_than_the_deadline():
    async with sidecar(baseline=Watched(slow_when_large), expose="model", score_deadline=0.05) as stage:
        began = time.monotonic()
        got, _, _ = await forwarded_score(stage, infer(clean(10), size=LARGE))
        assert b'x-anomaly-verdict: unscored; reason="deadline"\r\n' in got
        assert time.monotonic() - began < 0.2
        await asyncio.sleep(0.3)


async def test_a_caller_who_waits_to_be_asked_is_asked_by_us():
    """The model cannot ask: it gets the request with its score, and so only when it is whole."""
    request = infer(clean(), "Expect: 100-continue")
    head, _, body = request.partition(b"\r\n\r\n")
    async with sidecar(baseline=baseline(), expose="model") as stage:
        caller = await stage.caller()
        await caller.send(head + b"\r\n\r\n")
        assert await caller.head() == http("HTTP/1.1 100 Continue")
        await stage.no_model()
        await caller.send(body, size=50)
        model = await stage.model()
        assert b"x-anomaly-verdict: normal\r\n" in await model.request()
        await model.send(http("HTTP/1.1 100 Continue"))
        await caller.quiet()
        await model.send(OK)
        assert (await caller.response()).status == 200


async def test_a_body_over_the_limit_of_scoring_does_not_wait_to_be_whole():
    request = infer(clean(), size=3000)
    async with sidecar(baseline=baseline(), expose="model", max_scored_bytes=2000) as stage:
        caller = await stage.caller()
        await caller.send(request[:-500])
        model = await stage.model()
        assert b'reason="too-large"' in await model.head()
        await caller.send(request[-500:])
        assert (await model.exactly(3000)).startswith(b'{"instances"')


# -- sequences ---------------------------------------------------------------------------------------


def steps(count: int) -> list[np.ndarray]:
    """Rows that are nearly the same."""
    spread = 1e-3 * adbench(CARDIO).clean.std(axis=0)
    return [clean() + i * spread for i in range(count)]


async def answers(stage: Stage, asked: list[np.ndarray], size: int = 0) -> list[Response]:
    """What a caller is told who asks one after the other."""
    caller, model = await stage.begin(infer(asked[0], size=size))
    await model.send(OK)
    found = [await caller.response()]
    for rows in asked[1:]:
        await caller.send(infer(rows, size=size))
        await model.request()
        await model.send(OK)
        found.append(await caller.response())
    return found


@pytest.mark.parametrize("size", [0, LARGE])
async def test_a_sequence_is_told_with_its_third_question(size):
    async with sidecar(baseline=baseline(), sequences="always", score_deadline=5.0) as stage:
        told = await answers(stage, steps(4), size)
        assert [one.field("x-anomaly-verdict") for one in told] == ["normal"] * 2 + ["adversarial"] * 2
        assert told[1].field("x-anomaly-evidence") is None
        why = told[3].field("x-anomaly-evidence")
        assert why is not None
        assert re.fullmatch(r"query-sequence;n=4;since=@\d+;clients=1", why)
        assert told[3].field("x-anomaly-score") is not None
        records = await stage.records(4)
        assert [one.evidence[0].n if one.evidence else 0 for one in records] == [0, 0, 3, 4]


async def test_without_being_asked_nobody_looks_for_sequences():
    async with sidecar(baseline=baseline()) as stage:
        assert {one.field("x-anomaly-verdict") for one in await answers(stage, steps(4))} == {"normal"}


async def test_what_fails_while_looking_for_sequences_costs_only_the_evidence():
    async with sidecar(baseline=baseline(), sequences="always", errors=1) as stage:
        stage.plane.judge.walks = Walks(None, 1.0)  # type: ignore[arg-type]
        (told,) = await answers(stage, [clean()])
        assert told.field("x-anomaly-verdict") == "normal"


async def test_tool_results_that_a_question_brings_are_told_by_digest_scored_or_not():
    talk = [{"role": "assistant"}, {"role": "tool", "tool_call_id": "call-xyz", "content": "21"}]
    body = json.dumps({"messages": talk}).encode()
    head = ("POST /v1/chat/completions HTTP/1.1", "Host: m", f"Content-Length: {len(body)}")
    async with sidecar(baseline=baseline(), pair_rows=0) as stage:
        await stage.call(http(*head, body=body), OK)
        (record,) = await stage.records()
        assert (record.codec, record.verdict, record.brought) == ("openai", "unscored", (digest("call-xyz"),))
        assert b"call-xyz" not in msgspec.msgpack.encode(record)
