"""The sampler against the OpenTelemetry SDK's own, name by name and id by id."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import sampling as sdk
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from sidecar.tracing.sampling import sampler

SDK: dict[str, sdk.Sampler] = {
    "always_on": sdk.ALWAYS_ON,
    "always_off": sdk.ALWAYS_OFF,
    "traceidratio": sdk.TraceIdRatioBased(0.25),
    "parentbased_always_on": sdk.DEFAULT_ON,
    "parentbased_always_off": sdk.DEFAULT_OFF,
    "parentbased_traceidratio": sdk.ParentBasedTraceIdRatio(0.25),
}

TRACES = st.integers(1, 2**128 - 1)


@pytest.mark.parametrize("name", SDK)
@given(trace=TRACES, parent=st.sampled_from([None, True, False]))
def test_decides_as_the_sdk_does(name: str, trace: int, parent: bool | None) -> None:
    ours = sampler(0.5, {"OTEL_TRACES_SAMPLER": name, "OTEL_TRACES_SAMPLER_ARG": "0.25"})
    context = None
    if parent is not None:
        caller = SpanContext(trace, 1, is_remote=True, trace_flags=TraceFlags(int(parent)))
        context = set_span_in_context(NonRecordingSpan(caller))
    theirs = SDK[name].should_sample(context, trace, "name").decision.is_sampled()
    assert ours.decide(f"{trace:032x}", parent) == theirs


@given(trace=TRACES, ratio=st.floats(0, 1))
def test_a_ratio_bounds_the_same_ids(trace: int, ratio: float) -> None:
    theirs = sdk.TraceIdRatioBased(ratio).should_sample(None, trace, "name").decision.is_sampled()
    assert sampler(ratio, {}).decide(f"{trace:032x}", None) == theirs


@pytest.mark.parametrize(("ratio", "expected"), [(0.0, False), (1.0, True)])
@given(trace=TRACES)
def test_none_and_all(ratio: float, expected: bool, trace: int) -> None:
    assert sampler(ratio, {}).decide(f"{trace:032x}", None) is expected


def test_the_callers_decision_comes_before_the_setting() -> None:
    assert sampler(0.0, {}).decide("f" * 32, True) is True
    assert sampler(1.0, {}).decide("f" * 32, False) is False


BOUND = {0.25: 1 << 62, 0.5: 1 << 63, 1.0: 1 << 64}


@pytest.mark.parametrize(
    ("environ", "ratio"),
    [
        ({}, 0.25),
        ({"OTEL_TRACES_SAMPLER_ARG": "0.5"}, 0.5),
        ({"OTEL_TRACES_SAMPLER": " ParentBased_TraceIdRatio ", "OTEL_TRACES_SAMPLER_ARG": " 0.5 "}, 0.5),
        ({"OTEL_TRACES_SAMPLER": "parentbased_traceidratio"}, 1.0),
    ],
)
def test_the_ratio_comes_from_the_argument_then_the_setting(environ: dict[str, str], ratio: float) -> None:
    chosen = sampler(0.25, environ)
    assert chosen.parent_based
    assert chosen.bound == BOUND[ratio]


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"OTEL_TRACES_SAMPLER": "mostly"}, "OTEL_TRACES_SAMPLER=mostly ignored: use one of always_on"),
        ({"OTEL_TRACES_SAMPLER_ARG": "half"}, "OTEL_TRACES_SAMPLER_ARG=half ignored, 0.25 is used"),
        ({"OTEL_TRACES_SAMPLER_ARG": "1.5"}, "OTEL_TRACES_SAMPLER_ARG=1.5 ignored, 0.25 is used"),
        ({"OTEL_TRACES_SAMPLER_ARG": "nan"}, "OTEL_TRACES_SAMPLER_ARG=nan ignored, 0.25 is used"),
    ],
)
def test_nonsense_is_logged_and_ignored(
    environ: dict[str, str], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        chosen = sampler(0.25, environ)
    assert chosen == sampler(0.25, {})
    assert said in caplog.text
