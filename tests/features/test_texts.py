"""Text: the table of runs against counting by hand, and what stands out in real prose."""

from __future__ import annotations

import math
import random
from pydoc_data.topics import topics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.features.texts import BITS, PRIOR, STEP, TABLE_BYTES, WINDOW, TextReading, learned, places

LINES = [line.strip() for text in topics.values() for line in text.splitlines() if len(line.strip()) >= 30]


def read(reading, *texts):
    return reading.read(np.array(texts, dtype=object))[0]


@given(st.text(max_size=40))
def test_a_place_for_each_run_of_three_bytes(text):
    framed = b"\0" + text.encode("utf-8", "surrogatepass") + b"\0"
    framed = framed if text else b"\0\0\0"
    runs = [int.from_bytes(framed[i : i + 3], "big") for i in range(len(framed) - 2)]
    assert places(text).tolist() == [(run * 0x9E3779B1) % 2**32 >> (32 - BITS) for run in runs]


def test_the_table_is_the_share_of_each_run():
    table = learned(["abab", "b"])
    assert len(table) == TABLE_BYTES
    total = 5 + PRIOR * 2**BITS
    for text, times in (("abab", 1), ("zzz", 0)):
        inner = places(text)[1]
        assert table[inner] * STEP == pytest.approx(-math.log((times + PRIOR) / total), abs=STEP / 2)


def test_mean_and_highest_surprise_as_counted_by_hand():
    reading = TextReading("t", learned(LINES[:500]))
    assert reading.fields == ("t length", "t surprise", "t oddest")
    for text in (LINES[600], "abc", "x", "é", ""):
        nats = [reading.table[place] * STEP for place in places(text)]
        runs = [nats[i : i + WINDOW] for i in range(max(1, len(nats) - WINDOW + 1))]
        length, mean, oddest = read(reading, text)[0]
        assert length == math.log2(1 + len(text))
        assert mean == pytest.approx(sum(nats) / len(nats))
        assert oddest == pytest.approx(max(sum(run) / len(run) for run in runs))


def test_missing_numbers_and_endless_text():
    reading = TextReading("t", learned(LINES[:500]))
    values = read(reading, None, 7, "a" * 10**6)
    assert np.isnan(values[0]).all()
    assert np.array_equal(values[1], read(reading, "7")[0])
    assert np.isfinite(values[2]).all()


def test_in_real_prose_nonsense_stands_out_where_it_stands():
    """Share of pairs of an untouched and a changed line in which the changed one is the odder."""
    lines = LINES[:]
    random.Random(0).shuffle(lines)
    reading = TextReading("t", learned(lines[:3000]))
    source = random.Random(1)
    clean, other = lines[3000:3500], lines[3500:4000]
    noise = ["".join(source.choices("abcdefghijklmnopqrstuvwxyz", k=16)) for _ in other]
    appended = read(reading, *(f"{line} {end}" for line, end in zip(other, noise, strict=True)))
    shuffled = read(reading, *("".join(source.sample(line, len(line))) for line in other))
    ordinary = read(reading, *clean)
    above = lambda odd, part: (odd[:, None, part] > ordinary[None, :, part]).mean()  # noqa: E731
    assert above(appended, 2) > 0.95
    assert above(shuffled, 1) > 0.95
    assert above(appended, 2) > above(appended, 1)
