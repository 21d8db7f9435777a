"""Every detector that has a compiled form, by the name it has in settings, headers and artifacts."""

from __future__ import annotations

from sidecar.scoring.detector import Detector
from sidecar.scoring.ecod import Ecod
from sidecar.scoring.iforest import IForest

DETECTORS: dict[str, type[Detector]] = {
    "ecod": Ecod,
    "iforest": IForest,
}
