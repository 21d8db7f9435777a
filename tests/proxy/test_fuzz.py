"""The fuzzer of `bench/fuzz_proxy.py` for some seconds, always with the same streams."""

import pytest

from bench.fuzz_proxy import TARGETS
from bench.rig.fuzzing import fuzz

MUST_SEE = {
    "requests": {"200", "400", "501"},
    "responses": {"200", "204", "304", "502", "broken off"},
}
"""Else the streams are not what they are meant to be."""


@pytest.mark.parametrize(("target", "streams"), [("requests", 500), ("responses", 400)])
def test_nothing_is_found(target, streams):
    seen = fuzz(TARGETS[target](), target, streams, first_seed=7)
    assert seen["tried"] >= streams
    assert MUST_SEE[target] <= set(seen)
