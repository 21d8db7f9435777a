"""The fuzzer of `bench/fuzz_grpc.py` for some seconds, always with the same streams."""

import pytest

from bench.fuzz_grpc import TARGETS
from bench.rig.fuzzing import fuzz

MUST_SEE = {
    "callers": {"answered", "broken off", "arrived whole", "arrived in part"},
    "held": {"answered", "broken off", "arrived whole", "arrived in part"},
    "models": {"answered", "broken off", "upstream-malformed", "response-truncated", "upstream-closed"},
}
"""Else the streams are not what they are meant to be."""


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_is_found(target):
    seen = fuzz(TARGETS[target](), target, 120, first_seed=7)
    assert seen["tried"] >= 120
    assert MUST_SEE[target] <= set(seen)
