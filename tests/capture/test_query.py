"""SQL over captures: finished files and open journals in one view, nothing else in reach."""

import csv
import io
import json

import fsspec
import pytest

from sidecar.capture.query import FORMATS, ask
from sidecar.errors import SidecarError, UsageError
from tests.capture.test_reading import place as place  # a fixture: four calls, the last in no file yet


def test_all_calls_in_one_view(place):
    found = ask(str(place), "select count(*), sum(weight), avg(features['amount'][1]) from calls")
    assert found.rows == [(4, 40.0, 2.5)]
    ids = ask(str(place), "select id from calls order by started").rows
    assert ids == [(f"call-{i}",) for i in (1, 2, 3, 4)]


def test_one_file_and_a_url(place):
    (file, _) = sorted(place.glob("date=*/*.parquet"))
    assert ask(str(file), "select count(*) n from calls").rows == [(2,)]
    assert ask(f"file://{place}", "select count(*) n from calls").rows == [(3,)]


def test_files_older_than_a_column(place):
    import pyarrow.parquet as pq

    (file, *_) = sorted(place.glob("date=*/*.parquet"))
    pq.write_table(pq.read_table(file).drop_columns(["drift"]), file)
    assert ask(str(place), "select count(drift) from calls").rows == [(2,)]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("selec 1", "query: Parser Error: syntax error"),
        ("select idd from calls", "Candidate bindings"),
        ("select * from read_csv('/etc/passwd')", "disabled by configuration"),
        ("copy calls to 'out.csv'", "disabled by configuration"),
        ("install httpfs", "disabled by configuration"),
        ("set enable_external_access=true", "locked"),
    ],
)
def test_what_is_wrong_or_out_of_reach(place, sql, said):
    with pytest.raises(UsageError, match=said):
        ask(str(place), sql)


@pytest.mark.parametrize("scheme", ["memory", "file"])
@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_text('/etc/passwd')",
        "select * from read_parquet('{place}/*/*.parquet')",
        "copy (select 1 as a) to '{place}/out.parquet'",
    ],
)
def test_of_a_url_nothing_but_the_captures_is_in_reach_either(place, scheme, sql):
    at = f"{scheme}://{place}"
    if scheme == "memory":
        fsspec.filesystem("memory").put(f"{place}/", f"{place}/", recursive=True)
    assert ask(at, "select count(*) from calls").rows == [(3,)]
    with pytest.raises(UsageError, match="disabled by configuration"):
        ask(at, sql.format(place=at))


def test_nothing_there(tmp_path):
    with pytest.raises(UsageError, match="there are no captures"):
        ask(str(tmp_path), "select 1")
    (tmp_path / "x.parquet").write_bytes(b"no parquet")
    with pytest.raises((SidecarError, UsageError), match=r"x\.parquet"):
        ask(str(tmp_path / "x.parquet"), "select 1 from calls")


def test_formats(place):
    found = ask(str(place), "select id, features['country'] c, request_body from calls where id = 'call-1'")
    body = '{"instances": [[1.5, "fr"]]}'
    assert FORMATS["table"](found).splitlines() == [
        "id      c           request_body",
        "------  ----------  ----------------------------",
        f"call-1  [1.0, 0.0]  {body}",
    ]
    assert json.loads(FORMATS["json"](found)) == {"id": "call-1", "c": [1.0, 0.0], "request_body": body}
    assert FORMATS["csv"](found).splitlines()[0] == "id,c,request_body"
    texts = ask(str(place), "select 'a' || chr(13) || 'b' as x, 'c' || chr(10) as y, 1.5 as z, null as w")
    told = FORMATS["csv"](texts)
    assert list(csv.reader(io.StringIO(told, newline=""))) == [list("xyzw"), ["a\rb", "c\n", "1.5", ""]]
    assert told.startswith("x,y,z,w\n")


def test_a_cell_cannot_steer_a_terminal(place):
    found = ask(str(place), "select chr(27) || '[2J' as x, repeat('y', 100) as y, null as z")
    assert FORMATS["table"](found).splitlines()[2] == f"?[2J  {'y' * 57}..."
