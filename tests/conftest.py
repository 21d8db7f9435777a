"""Settings of the whole test run."""

from __future__ import annotations

from hypothesis import settings

# A shared machine stalls now and then: a deadline for each example would report that, not a fault of ours.
settings.register_profile("sidecar", deadline=None)
settings.load_profile("sidecar")
