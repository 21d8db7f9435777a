"""Which reader reads a file, and files that none can."""

from __future__ import annotations

import pytest

from sidecar.baseline.tables import READERS, read
from sidecar.errors import DataError


def test_format_goes_by_the_ending_in_any_case(tmp_path):
    file = tmp_path / "T.CSV"
    file.write_text("a\n1\n2\n")
    table = read(file)
    assert (table.rows, table.columns["a"].tolist(), table.notes) == (2, [1.0, 2.0], ())


@pytest.mark.parametrize("name", ["rows.xlsx", "rows", "rows.csv.gz"])
def test_an_unknown_ending_is_refused_with_those_that_are_known(tmp_path, name):
    with pytest.raises(DataError, match=rf"{name}: cannot tell the format .* \.csv, \.jsonl"):
        read(tmp_path / name)


@pytest.mark.parametrize("ending", READERS)
def test_a_file_that_is_not_there_or_a_directory_is_refused(tmp_path, ending):
    with pytest.raises(DataError, match=f"rows{ending}: cannot be read: No such file"):
        read(tmp_path / f"rows{ending}")
    (tmp_path / f"rows{ending}").mkdir()
    with pytest.raises(DataError, match=f"rows{ending}: "):
        read(tmp_path / f"rows{ending}")


@pytest.mark.parametrize("ending", READERS)
@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02\xff not a table"])
def test_an_empty_or_foreign_file_is_refused(tmp_path, ending, content):
    (tmp_path / f"rows{ending}").write_bytes(content)
    with pytest.raises(DataError, match=f"rows{ending}: "):
        read(tmp_path / f"rows{ending}")


@pytest.mark.parametrize(("name", "content"), [("r.csv", "a,b\n"), ("r.jsonl", "\n\n")])
def test_a_table_without_rows_is_refused(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match="has no rows"):
        read(tmp_path / name)
