import pytest

from sidecar.report import units


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (0, "0"),
        (12345, "12,345"),
        (0.123456, "0.1235"),
        (1e7, "10,000,000"),
    ],
)
def test_numbers(value, words):
    assert units.number(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "–"), (2.5, "2.5 s"), (0.0123, "12.3 ms"), (1.5e-4, "150 µs"), (2e-9, "2 ns"), (0.0, "0 s")],
)
def test_lengths_of_time(value, words):
    assert units.seconds(value) == words


def test_shares_and_sizes():
    assert [units.share(one) for one in (None, 0.0123, 0.5)] == ["–", "1.23%", "50%"]
    assert [units.size(one) for one in (0, 2048, 5 * 1024**2, 3 * 1024**3)] == [
        "0 B",
        "2 KiB",
        "5 MiB",
        "3 GiB",
    ]
