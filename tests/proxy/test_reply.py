"""What the caller is told, as bytes: problems as RFC 9457 wants them, scores as RFC 9651 does."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sidecar.errors import FAILURES, CallFailed
from sidecar.exchange import Decision, DetectorScore, Score
from sidecar.policy import rulebook
from sidecar.proxy import reply
from sidecar.proxy.reply import anomaly_fields, number, problem, string, text
from tests.proxy.dialogue import fields

# -- problems --------------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", FAILURES)
def test_every_failure_is_a_problem(cause):
    row = FAILURES[cause]
    head, _, body = problem(CallFailed(cause, "as seen"), "id-1", close=True).partition(b"\r\n\r\n")
    status_line, *_ = head.split(b"\r\n")
    assert re.fullmatch(rb"HTTP/1\.1 %d [A-Z][A-Za-z -]+" % row.status, status_line)
    assert fields(head, "content-type") == ["application/problem+json"]
    assert fields(head, "content-length") == [str(len(body))]
    assert fields(head, "x-sidecar-error") == [cause]
    assert fields(head, "x-request-id") == ["id-1"]
    assert fields(head, "cache-control") == ["no-store"]
    assert fields(head, "connection") == ["close"]
    assert fields(head, "retry-after") == (["1"] if row.status == 503 else [])
    assert json.loads(body) == {
        "type": f"urn:sidecar:error:{cause}",
        "title": row.title,
        "status": row.status,
        "detail": f"as seen. {row.advice}",
        "instance": "urn:sidecar:request:id-1",
    }


def test_no_failure_is_listed_that_never_happens():
    rooms = [Path(room.__file__).parent for room in (reply, rulebook)]
    sources = "".join(path.read_text() for room in rooms for path in room.rglob("*.py"))
    named = set(re.findall(r'"([a-z]+(?:-[a-z]+)*)"', sources)) | {"internal"}  # that one is in `translated`
    assert set(FAILURES) <= named


def test_a_problem_to_head_has_no_body_but_its_length():
    failed = CallFailed("upstream-refused")
    whole = problem(failed, "", close=False)
    assert problem(failed, "", close=False, head_only=True) == whole[: whole.index(b"\r\n\r\n") + 4]


def test_a_problem_without_an_id_or_a_detail():
    head, _, body = problem(CallFailed("bad-request"), "", close=False).partition(b"\r\n\r\n")
    assert fields(head, "x-request-id") == fields(head, "connection") == []
    assert json.loads(body)["detail"] == FAILURES["bad-request"].advice


@given(st.text(), st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=256))
def test_a_problem_is_one_response_whatever_is_in_it(detail, request_id):
    said = problem(CallFailed("upstream-malformed", detail), request_id, close=False)
    head, _, body = said.partition(b"\r\n\r\n")
    assert len(body) == int(fields(head, "content-length")[0])
    assert json.loads(body)["status"] == 502
    assert head.count(b"\r\n") == 4 + bool(request_id)


# -- scores ----------------------------------------------------------------------------------------

ONE = Score("normal", 0.25, (0.25,), (), (DetectorScore("ecod", 41.2, 0.25, ("amount", "age")),))
NORMAL = Decision()


def told(score: Score, drift: str = "") -> dict[str, str]:
    lines = anomaly_fields(score, NORMAL, drift).decode("latin-1").split("\r\n")
    assert lines.pop() == ""
    return dict(line.split(": ", 1) for line in lines)


SCORES = {
    "normal": (
        ONE,
        {
            "x-anomaly-score": "0.7500",
            "x-anomaly-verdict": "normal",
            "x-anomaly-detail": 'ecod;raw=41.2;p=0.25;top=("amount" "age")',
        },
    ),
    "outlier in a batch": (
        Score("outlier", 0.002, (0.5, 0.002, 0.9), (1,), (DetectorScore("knn", 3.0, 0.002),)),
        {
            "x-anomaly-score": "0.9980",
            "x-anomaly-verdict": "outlier",
            "x-anomaly-detail": "knn;raw=3;p=0.002",
            "x-anomaly-rows": "1",
        },
    ),
    "an outlier alone needs no number": (
        Score("outlier", 0.002, (0.002,), (0,), ()),
        {"x-anomaly-score": "0.9980", "x-anomaly-verdict": "outlier", "x-anomaly-detail": ""},
    ),
    "only the first 64 rows": (
        Score("outlier", 0.001, (0.001,) * 100, tuple(range(100)), ()),
        {
            "x-anomaly-score": "0.9990",
            "x-anomaly-verdict": "outlier",
            "x-anomaly-detail": "",
            "x-anomaly-rows": ", ".join(map(str, range(64))),
        },
    ),
    "unscored": (
        Score("unscored", float("nan"), reason='missing-field:a"b'),
        {"x-anomaly-verdict": 'unscored; reason="missing-field:a\\"b"'},
    ),
    "learning": (
        Score("learning", float("nan"), seen=12, need=500),
        {"x-anomaly-verdict": "learning; seen=12; need=500"},
    ),
}


@pytest.mark.parametrize(("score", "expected"), SCORES.values(), ids=SCORES)
def test_a_score_as_it_stands_in_the_head(score, expected):
    assert told(score) == {**expected, "x-policy-action": 'allow; rule="default"'}


def test_drift_is_told_when_there_is_something_to_tell():
    assert told(ONE, "stable")["x-drift-state"] == "stable"
    assert "x-drift-state" not in told(ONE, "")


@given(st.lists(st.text(max_size=20), max_size=5), st.text(max_size=20))
def test_names_from_outside_cannot_break_out(names, reason):
    """Feature names come from training data, reasons from the caller's body."""
    scored = Score("normal", 0.5, (0.5,), (), (DetectorScore("ecod", 1.0, 0.5, tuple(names)),))
    for lines in (
        anomaly_fields(scored, NORMAL, ""),
        anomaly_fields(Score("unscored", 0.0, reason=reason), NORMAL, ""),
    ):
        assert all(re.fullmatch(rb"x-[a-z-]+: [\x20-\x7e]*", line) for line in lines.split(b"\r\n")[:-1])


DECIMAL = re.compile(r"-?\d{1,12}(\.\d{1,12})?")


@given(st.floats(-1e11, 1e11))
@example(0.0)
@example(-0.0)
@example(1.0)
@example(100.0)
@example(1e-13)
@example(1e-300)
@example(0.0004)
@example(123456.789)
@example(99999999.5)
def test_a_number_is_one_to_others_too(value):
    """Structured fields know no exponent, and no decimal point without a digit after it."""
    written = number(value)
    assert DECIMAL.fullmatch(written), written
    assert float(written) == pytest.approx(value, rel=1e-6, abs=1e-12)


@given(st.floats())
def test_no_float_is_too_odd_to_be_written(value):
    assert re.fullmatch(r"-?[\d.]+|nan|-?inf", number(value))


@given(st.text())
def test_a_string_is_one_to_others_too(value):
    written = string(value)
    quoted = re.fullmatch(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"', written)
    display = re.fullmatch(r'%"((?:[\x20-\x21\x23-\x24\x26-\x7e]|%[0-9a-f]{2})*)"', written)
    assert quoted or display
    if quoted:
        assert re.sub(r"\\(.)", r"\1", quoted[1]) == value
    else:
        raw = re.sub(rb"%(..)", lambda found: bytes.fromhex(found[1].decode()), display[1].encode())
        assert raw.decode() == value


def test_text_escapes_and_replaces():
    assert text('a"b\\c') == 'a\\"b\\\\c'
    assert text("é\n") == "??"
