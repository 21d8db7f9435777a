import io
import subprocess
import sys
from datetime import UTC, date, datetime

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sidecar.errors import DataError
from sidecar.labels.label import Label
from sidecar.labels.parquet import Answer, read
from sidecar.labels.reading import Names


def content(**columns):
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


TWO = content(
    id=["a", "b"],
    row=[0, 2],
    label=["1", "cat"],
    time=[None, datetime(2025, 11, 23, 15, tzinfo=UTC)],
    other=[1, 2],
)


def test_labels_are_read():
    assert read(TWO, Names()).labels == [Label("a", 0, 1.0), Label("b", 2, "cat", 1_763_910_000.0)]


def test_times_of_any_unit_are_read():
    second = 1_763_910_000
    for time in (
        pa.array([second * 10**9 + 123], pa.timestamp("ns")),
        pa.array([second * 10**9 + 123], pa.timestamp("ns", tz="UTC")),
        pa.array([second], pa.timestamp("s")),
    ):
        assert read(content(id=["a"], label=[1], time=time), Names()).labels[0].time == second
    day = content(id=["a"], label=[1], time=pa.array([date(2025, 11, 23)]))
    assert read(day, Names()).labels[0].time == datetime(2025, 11, 23, tzinfo=UTC).timestamp()


def test_rows_without_a_label_are_counted():
    assert read(content(id=["a", "b"], label=[None, 0.5]), Names()) == ([Label("b", 0, 0.5)], 1)


@pytest.mark.parametrize("wrong", [b"", b"PAR1", TWO[:-20], b"id,label\na,1\n"])
def test_what_is_no_parquet_is_refused(wrong):
    with pytest.raises(DataError, match="not Parquet"):
        read(wrong, Names())


def test_a_missing_column_is_named():
    with pytest.raises(DataError, match="row 1: has no 'label'"):
        read(content(id=["a"], truth=[1]), Names())


@pytest.mark.parametrize(("body", "failure"), [(TWO, ""), (b"x", "not Parquet")])
def test_a_process_of_its_own_answers_labels_or_why_not(body, failure):
    command = [sys.executable, "-m", "sidecar.labels.parquet", *Names()]
    done = subprocess.run(command, input=body, capture_output=True, check=True, timeout=60)
    answer = msgspec.msgpack.decode(done.stdout, type=Answer)
    assert answer.failure.startswith(failure)
    assert len(answer.labels) == (0 if failure else 2)
