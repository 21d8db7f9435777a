import io
import subprocess
import sys

import msgspec
import pyarrow.parquet as pq

from sidecar.outliers.admin import Field, Row, Rows

ROWS = Rows(7, (Field("a", "number"), Field("b", "text")), (Row("r", 0, "t", 0.1, "m", "1", (1.5, None)),))


def test_rows_come_in_as_data_and_go_out_as_a_file():
    command = [sys.executable, "-m", "sidecar.outliers", "parquet"]
    done = subprocess.run(command, input=msgspec.json.encode(ROWS), capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    table = pq.read_table(io.BytesIO(done.stdout))
    assert table.column("a").to_pylist() == [1.5]
    assert table.column("b").to_pylist() == [None]
    assert table.column("sidecar_cohort").to_pylist() == ["7"]
