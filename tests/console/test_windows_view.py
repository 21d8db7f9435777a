import msgspec
import numpy as np
import pytest

from sidecar.console.windows_view import psi, window, windows
from sidecar.observer.axes import category
from sidecar.observer.observer import Observer
from sidecar.observer.windows import Window
from tests.console.admin import drifted
from tests.observer.real import digits, reference
from tests.observer.talk import record
from tests.observer.test_observer import Clock, settings

ROWS = digits()[:300].copy()
ROWS[::3, 2] = np.nan
FIELDS = reference(digits()[300:900])


@pytest.fixture
def shown():
    rolling = Window(FIELDS, 1000, 3600.0)
    rolling.update(ROWS, 5.0)
    return window(rolling, 6.0)


def test_a_field_shows_reference_and_window_side_by_side(shown):
    moment = "1970-01-01T00:00:05.000Z"
    assert (shown["rows"], shown["since"], shown["until"]) == (300, moment, moment)
    for i, field in enumerate(shown["fields"]):
        known = ROWS[:, i][~np.isnan(ROWS[:, i])]
        now = field["window"]
        assert now["mean"] == pytest.approx(known.mean())
        assert now["std"] == pytest.approx(known.std(ddof=1))
        assert (now["min"], now["max"]) == (known.min(), known.max())
        assert now["missing"] == pytest.approx(1 - len(known) / 300)
        assert now["quantiles"]["p50"] == pytest.approx(np.median(known))
        assert sum(bin_["window"] for bin_ in field["bins"]) == 300
        assert sum(bin_["reference"] for bin_ in field["bins"]) == pytest.approx(1)
        assert field["reference"]["mean"] == pytest.approx(digits()[300:900, i].mean())


def test_psi_is_the_textbooks_for_many_rows():
    p, q = np.random.default_rng(0).dirichlet(np.ones(len(FIELDS[0].labels)), size=2)
    field = msgspec.structs.replace(FIELDS[0], rows=10**12, probabilities=tuple(p.tolist()))
    textbook = ((q - p) * np.log(q / p)).sum()
    assert psi(field, np.rint(q * 1e12).astype(np.int64)) == pytest.approx(textbook, rel=1e-4)
    assert psi(field, np.rint(p * 1e12).astype(np.int64)) == pytest.approx(0, abs=1e-9)


def test_psi_is_finite_for_an_empty_bin():
    counts = np.zeros(len(FIELDS[0].labels), dtype=np.int64)
    counts[0] = 300
    assert 1 < psi(FIELDS[0], counts) < 100


def test_the_drifted_feature_stands_out(baseline):
    (flow,) = windows(drifted(baseline))["windows"]
    by_psi = sorted(flow["inputs"]["fields"], key=lambda field: -field["psi"])
    assert by_psi[0]["name"] == "x7"
    assert by_psi[0]["psi"] > 3 * by_psi[1]["psi"]
    effects = {one["name"]: one["statistics"]["wasserstein"]["effect"] for one in by_psi}
    assert max(effects, key=effects.get) == "x7"
    assert by_psi[0]["statistics"]["kolmogorov_smirnov"]["p"] < 1e-6
    assert flow["rows_total"] == 1004
    assert flow["rows_flagged_total"] == 1
    assert {(one["status"], one["verdict"]): one["calls"] for one in flow["calls_total"]} == {
        (200, "normal"): 1000,
        (200, "outlier"): 1,
        (502, "unscored"): 1,
    }


def test_calls_show_latencies_and_statuses(baseline):
    (flow,) = windows(drifted(baseline))["windows"]
    fields = {field["name"]: field for field in flow["calls"]["fields"]}
    assert fields["duration_seconds"]["window"]["quantiles"]["p99"] == pytest.approx(0.0053)
    statuses = {bin_["label"]: bin_["window"] for bin_ in fields["status"]["bins"]}
    assert (statuses["502"], statuses["new"]) == (1, 0)
    assert statuses["200"] == flow["calls"]["rows"] - 1


def test_outputs_say_what_they_are_compared_with(baseline):
    observer = drifted(baseline)
    (flow,) = windows(observer)["windows"]
    assert flow["outputs"]["reference_is"] == "first-window"
    assert flow["outputs"]["fields"][0]["window"]["mean"] == 1.5
    silent = Observer(settings(), Clock())
    silent.take_in([record(0, response_body=b"")])
    (flow,) = windows(silent)["windows"]
    assert (flow["inputs"], flow["outputs"]) == (None, None)


def test_everything_is_json_also_of_an_empty_window():
    rolling = Window(FIELDS, 100, 3600.0)
    empty = window(rolling, 0.0)
    assert empty["rows"] == 0
    assert empty["fields"][0]["window"]["mean"] is None
    assert empty["fields"][0]["statistics"] is None
    assert msgspec.json.decode(msgspec.json.encode(empty)) == empty
    rolling.update(np.full((3, 16), np.nan), 0.0)
    assert window(rolling, 0.0)["fields"][0]["window"]["missing"] == 1.0


def test_the_share_of_new_categories():
    rolling = Window((category("colour", ("red", "blue")),), 100, 3600.0)
    rolling.update(np.array([[0.0], [1.0], [2.0], [2.0]]), 0.0)
    (colour,) = window(rolling, 0.0)["fields"]
    assert (colour["window"]["new"], colour["window"]["missing"]) == (0.5, 0.0)
