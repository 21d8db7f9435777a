"""The head's decision: is this trace to be recorded?

Every standard OpenTelemetry sampler is a share of the trace ids plus one question: does the caller's own
decision come first? The rule is that of the SDK's `TraceIdRatioBased`, so that an SDK elsewhere with the
same ratio picks the same traces. Counterpart: `sidecar.tracing.keep`, which exports some calls that the head
let go.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Mapping

import msgspec

log = logging.getLogger(__name__)

_ALL = 1 << 64


class Sampler(msgspec.Struct, frozen=True):
    """Samples a trace when the low 64 bits of its id are under `bound`, that is `bound` / 2^64 of them.

    With `parent_based`, a caller who has decided is followed, whatever the share.
    """

    parent_based: bool
    bound: int

    def decide(self, trace: str, parent: bool | None) -> bool:
        """The sampled flag for `trace` (32 hex digits); `parent` is the caller's flag, None without one."""
        if parent is not None and self.parent_based:
            return parent
        return int(trace[16:], 16) < self.bound


_SAMPLERS: dict[str, tuple[bool, float | None]] = {
    # name in OTEL_TRACES_SAMPLER: (parent_based, ratio; None: OTEL_TRACES_SAMPLER_ARG says)
    "always_on": (False, 1.0),
    "always_off": (False, 0.0),
    "traceidratio": (False, None),
    "parentbased_always_on": (True, 1.0),
    "parentbased_always_off": (True, 0.0),
    "parentbased_traceidratio": (True, None),
}


def sampler(ratio: float, environ: Mapping[str, str] = os.environ) -> Sampler:
    """The sampler that OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG name.

    Without OTEL_TRACES_SAMPLER it is `parentbased_traceidratio` with `ratio` (the setting `trace-ratio`). A
    value that means nothing is logged and ignored, as the OpenTelemetry specification asks.
    """
    name = environ.get("OTEL_TRACES_SAMPLER", "").strip().lower()
    if name and name not in _SAMPLERS:
        log.warning("OTEL_TRACES_SAMPLER=%s ignored: use one of %s", name, ", ".join(_SAMPLERS))
        name = ""
    parent_based, share = _SAMPLERS[name or "parentbased_traceidratio"]
    if share is None:
        # A ratio sampler that was asked for by name samples everything unless told how much.
        share = _argument(environ, default=1.0 if name else ratio)
    return Sampler(parent_based=parent_based, bound=round(share * _ALL))


def _argument(environ: Mapping[str, str], default: float) -> float:
    text = environ.get("OTEL_TRACES_SAMPLER_ARG", "").strip()
    if not text:
        return default
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if 0.0 <= share <= 1.0:
        return share
    log.warning("OTEL_TRACES_SAMPLER_ARG=%s ignored, %g is used: give a number from 0 to 1", text, default)
    return default
