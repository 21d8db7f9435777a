"""Every format is read back by the readers of `sidecar fit`, and holds exactly the rows."""

import numpy as np
import pytest

from sidecar.baseline import tables
from sidecar.errors import SidecarError, UsageError
from sidecar.outliers.admin import Field, Row, Rows
from sidecar.outliers.files import WRITERS, check, write

TIME = "2026-11-23T17:03:12.588Z"


def row(number, *values):
    return Row(f"call-{number}", number % 3, TIME, 0.004, "m", "1", values)


NUMBERS = Rows(3, (Field("a", "number"), Field("b", "number")), (row(1, 0.1, 1e300), row(2, None, -2.0)))

MIXED = Rows(
    "singles",
    (Field("amount", "number"), Field("flag", "boolean"), Field("country", "text")),
    (row(1, 0.1 + 0.2, True, "de"), row(2, None, False, None), row(3, 7.0, True, 'X,"Y"')),
)

ORIGIN = ("request", "row", "time", "p", "model", "version", "cohort")


def back(tmp_path, ending, rows, *, origin=True):
    file = tmp_path / f"rows{ending}"
    write(file, rows, origin=origin)
    assert list(tmp_path.iterdir()) == [file], "nothing is left beside it"
    return tables.read(file).columns


@pytest.mark.parametrize("ending", WRITERS)
def test_numbers_come_back_to_the_bit(tmp_path, ending):
    columns = back(tmp_path, ending, NUMBERS)
    np.testing.assert_array_equal(columns["a"], [0.1, np.nan])
    np.testing.assert_array_equal(columns["b"], [1e300, -2.0])


@pytest.mark.parametrize("ending", [ending for ending in WRITERS if ending != ".npz"])
def test_text_booleans_and_gaps_come_back(tmp_path, ending):
    columns = back(tmp_path, ending, MIXED)
    np.testing.assert_array_equal(columns["amount"], [0.1 + 0.2, np.nan, 7.0])
    assert [str(value).lower() for value in columns["flag"]] == ["true", "false", "true"]
    assert columns["country"].tolist() == ["de", None, 'X,"Y"']
    assert tuple(columns)[3:] == tuple(f"sidecar_{name}" for name in ORIGIN)
    assert columns["sidecar_request"].tolist() == ["call-1", "call-2", "call-3"]
    assert columns["sidecar_row"].tolist() == [1, 2, 0]
    assert set(columns["sidecar_cohort"].tolist()) == {"singles"}


@pytest.mark.parametrize("ending", [ending for ending in WRITERS if ending != ".npz"])
def test_ends_of_lines_within_texts_come_back(tmp_path, ending):
    texts = ("one\rtwo", "one\r\ntwo", "one\ntwo")
    rows = Rows(1, (Field("said", "text"),), tuple(row(i, text) for i, text in enumerate(texts)))
    assert tuple(back(tmp_path, ending, rows)["said"].tolist()) == texts


def test_csv_says_true_and_false_as_other_programs_do(tmp_path):
    write(tmp_path / "rows.csv", MIXED, origin=False)
    assert (tmp_path / "rows.csv").read_text().splitlines() == [
        *("amount,flag,country", "0.30000000000000004,true,de", ",false,", '7.0,true,"X,""Y"""')
    ]


@pytest.mark.parametrize("ending", WRITERS)
def test_without_their_origin_rows_can_be_put_beside_the_training_data(tmp_path, ending):
    assert tuple(back(tmp_path, ending, NUMBERS, origin=False)) == ("a", "b")


def test_an_archive_has_origins_as_arrays_of_their_own(tmp_path):
    write(tmp_path / "rows.npz", NUMBERS, origin=True)
    with np.load(tmp_path / "rows.npz", allow_pickle=False) as archive:
        assert archive["X"].shape == (2, 2)
        assert archive["sidecar_request"].tolist() == ["call-1", "call-2"]
        assert archive["sidecar_p"].tolist() == [0.004, 0.004]


def test_text_does_not_go_into_an_archive_of_numbers(tmp_path):
    with pytest.raises(UsageError, match=r"country is text; write \.parquet"):
        write(tmp_path / "rows.npz", MIXED, origin=True)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_refused_before_the_sidecar_is_asked(tmp_path):
    with pytest.raises(UsageError, match=r"rows\.xls: cannot tell the format; .*\.parquet, \.csv"):
        check(tmp_path / "rows.xls")
    with pytest.raises(UsageError, match="there is no directory"):
        check(tmp_path / "missing" / "rows.csv")
    check(tmp_path / "ROWS.CSV")


def test_a_file_that_cannot_be_written_says_why(tmp_path):
    (tmp_path / "rows.csv").mkdir()
    with pytest.raises(SidecarError, match=r"rows\.csv: cannot be written: Is a directory"):
        write(tmp_path / "rows.csv", NUMBERS, origin=True)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]
