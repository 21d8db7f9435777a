"""Ids: hex, spread, never zero, and not the same in a forked child."""

from __future__ import annotations

import os

import pytest

from sidecar.tracing import ids


def test_64_lower_case_hex_digits() -> None:
    digits = ids.fresh()
    assert len(digits) == 64
    assert set(digits) <= set("0123456789abcdef")


def test_every_bit_is_set_about_half_the_time() -> None:
    # 4,000 fair coins stray from 2,000 by more than six standard deviations once in 10^9.
    ones = [0] * 256
    for _ in range(4000):
        value = int(ids.fresh(), 16)
        for bit in range(256):
            ones[bit] += value >> bit & 1
    assert all(abs(count - 2000) < 190 for count in ones)


def test_an_all_zero_span_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = iter([0, 1 << 200, (1 << 256) - 1])
    monkeypatch.setattr(ids, "_bits", lambda bits: next(draws))
    assert ids.fresh() == "f" * 64


def test_a_forked_child_has_ids_of_its_own() -> None:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, ids.fresh().encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(read, 64).decode()
    os.close(read)
    os.close(write)
    assert len(theirs) == 64
    assert theirs not in [ids.fresh() for _ in range(3)]
