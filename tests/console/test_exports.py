import io
import sys

import pyarrow.parquet as pq
import pytest

from sidecar.baseline.tables import csv
from sidecar.console import exports
from sidecar.console.cohort_view import one_cohort
from sidecar.console.problem import Problem
from tests.console.admin import asked


@pytest.mark.parametrize("form", ["csv", "parquet"])
async def test_a_group_comes_as_a_file_with_every_row(grouped, form, tmp_path):
    first = grouped.cohorts.found.cohorts[0]
    async with asked(grouped) as client:
        answer = await client.get(f"/api/v1/cohorts/{first.id}/rows.{form}")
        assert answer.status == 200
        assert answer.headers["Content-Disposition"] == f'attachment; filename="cohort-{first.id}.{form}"'
        content = await answer.read()
        assert (await client.get(f"/api/v1/cohorts/999/rows.{form}")).status == 404
        assert (await client.get(f"/api/v1/cohorts/{first.id}/rows.pickle")).status == 404
    names = [field.name for field in grouped.schema.fields]
    if form == "parquet":
        table = pq.read_table(io.BytesIO(content))
        assert table.num_rows == len(first.group.members)
        assert table.column_names[: len(names)] == names
    else:
        (tmp_path / "rows.csv").write_bytes(content)
        assert len(content.splitlines()) == len(first.group.members) + 1
        assert csv.read(tmp_path / "rows.csv") is not None


async def test_what_cannot_be_written_is_said(grouped, monkeypatch):
    found = one_cohort(grouped, "singles")
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(Problem) as refused:
        await exports.content(found, "parquet")
    assert refused.value.status == 501
