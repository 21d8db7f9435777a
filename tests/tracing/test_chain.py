"""The chain in baggage: written once per model, read whoever wrote around it, bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.baggage import get_baggage
from opentelemetry.baggage.propagation import W3CBaggagePropagator

from sidecar.tracing.chain import KEY, LONGEST, chain, line

NAMES = st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=20)


def grown(names: list[str], baggage: str = "") -> str:
    """Baggage after each of these models has added itself."""
    for name in names:
        baggage = line(baggage, name).decode("latin-1").removeprefix("baggage: ").removesuffix("\r\n")
    return baggage


@given(NAMES)
def test_what_is_written_is_read(names):
    once = [name for at, name in enumerate(names) if at == 0 or names[at - 1] != name]
    assert chain(grown(names)) == tuple(once)[-LONGEST:]


def test_the_callers_own_members_stay():
    assert grown(["intent"], "user=7") == "user=7,sidecar.chain=intent"
    assert chain(grown(["speech", "intent"], "user=7;ttl=3 , b=%20")) == ("speech", "intent")
    assert grown(["speech"], "user=7;ttl=3 , b=%20").startswith("user=7;ttl=3 , b=%20,")


def test_a_model_that_passes_baggage_on_is_not_counted_twice():
    assert grown(["intent"], "sidecar.chain=speech>intent") == "sidecar.chain=speech>intent"


def test_a_loop_of_models_does_not_grow_for_ever():
    baggage = grown(["a", "b"] * 50)
    assert len(chain(baggage)) == LONGEST
    assert len(baggage) < 100


@pytest.mark.parametrize(
    ("baggage", "names"),
    [
        ("", ()),
        ("user=7", ()),
        (" sidecar.chain = a>b ;ttl=3", ("a", "b")),
        ("sidecar.chain=old, sidecar.chain=old>new", ("old", "new")),
        ("x-sidecar.chain=a", ()),
        ("sidecar.chain", ()),
        ("sidecar.chain=>>a>>", ("a",)),
        ("sidecar.chain=%zz%ff", ("%zz�",)),
    ],
)
def test_whatever_stands_there_is_read_without_a_fault(baggage, names):
    assert chain(baggage) == names


def test_opentelemetry_reads_the_same():
    context = W3CBaggagePropagator().extract({"baggage": grown(["speech", "intent"], "user=7")})
    assert get_baggage(KEY, context) == "speech>intent"
    assert get_baggage("user", context) == "7"
