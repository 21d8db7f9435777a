import numpy as np

from sidecar.exchange import SpanIds
from sidecar.observer.exchanges import KEPT_BYTES, KEPT_FEATURES, KEPT_HEADERS, SECRET, Exchanges, kept, size
from tests.observer.talk import of_rows, record


def ids(exchanges):
    return [one.id for one in exchanges.snapshot()]


def test_the_latest_are_kept_in_the_order_in_which_they_ended():
    exchanges = Exchanges(3)
    for start in range(0, 10, 4):
        exchanges.update([record(i) for i in range(start, min(10, start + 4))])
    assert ids(exchanges) == ["call-7", "call-8", "call-9"]


def test_an_outlier_is_not_pushed_out_by_what_is_normal():
    exchanges = Exchanges(3)
    odd = [record(0, verdict="outlier"), record(1, status=503), record(2, failure="client-gone")]
    exchanges.update([*odd, *(record(i) for i in range(3, 1000))])
    assert ids(exchanges) == ["call-0", "call-1", "call-2", "call-997", "call-998", "call-999"]


def test_each_is_listed_once_though_callers_choose_the_ids():
    exchanges = Exchanges(5)
    exchanges.update([record(0, id="same", verdict="outlier"), record(1, id="same")])
    assert ids(exchanges) == ["same", "same"]


def test_neither_bodies_nor_credentials_are_kept():
    fields = ((b"Accept", b"*/*"), *((name.title(), b"s3cret") for name in sorted(SECRET)))
    one = kept(record(0, request_headers=fields, response_headers=fields, request_body=b"private"))
    assert one.request_body == one.response_body == b""
    assert one.request_headers[0] == (b"Accept", b"*/*")
    assert {value for _, value in one.request_headers[1:] + one.response_headers[1:]} == {b"[redacted]"}


def test_long_parts_are_cut_to_whole_rows_and_whole_fields():
    many = ((b"x", b"1" * 1000),) * 100
    one = kept(of_rows(0, np.zeros((4000, 16)), "", request_headers=many, target="/" * 9000))
    assert len(one.features) <= KEPT_FEATURES
    assert len(one.features) % (16 * 8) == 0
    assert sum(len(name) + len(value) for name, value in one.request_headers) <= KEPT_HEADERS
    assert len(one.target) == 2048


def test_bytes_are_bounded_whatever_number_is_asked_for():
    exchanges = Exchanges(1_000_000)
    large = np.zeros((128, 16))
    exchanges.update([of_rows(i, large, "") for i in range(2000)])
    held = exchanges.snapshot()
    assert 0.9 * KEPT_BYTES < sum(map(size, held)) <= KEPT_BYTES
    assert held[-1].id == "call-1999"


def test_bytes_are_bounded_whatever_callers_send():
    many = 100_000
    odd = kept(record(0, rows=many, row_p=(0.001,) * many, flagged=tuple(range(1, many, 2))))
    assert (len(odd.row_p), odd.flagged) == (1024, tuple(range(1, 1024, 2)))
    exchanges = Exchanges(1_000_000)
    for i in range(200):
        span = SpanIds("0" * 32, "1" * 16, "2" * 16, baggage="b" * 20_000, state="s" * 20_000)
        exchanges.update([record(i, id=f"{i}" + "x" * 20_000, span=span)])
    held = exchanges.snapshot()
    assert 100 < len(held) < 200
    assert sum(len(one.id) + len(one.span.baggage) + len(one.span.state) for one in held) <= KEPT_BYTES


def test_a_restored_list_is_the_same():
    exchanges, again = Exchanges(4), Exchanges(4)
    exchanges.update([record(i, verdict="outlier" if i % 5 == 0 else "normal") for i in range(20)])
    again.restore(exchanges.snapshot())
    assert again.snapshot() == exchanges.snapshot()
