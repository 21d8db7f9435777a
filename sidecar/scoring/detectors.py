"""Every detector that has a compiled form, by the name it has in settings, headers and artifacts."""

from __future__ import annotations

from sidecar.scoring.cblof import Cblof
from sidecar.scoring.copod import Copod
from sidecar.scoring.detector import Detector
from sidecar.scoring.ecod import Ecod
from sidecar.scoring.gmm import Gmm
from sidecar.scoring.hbos import Hbos
from sidecar.scoring.iforest import IForest
from sidecar.scoring.inne import Inne
from sidecar.scoring.knn import Knn, Knn500, KnnMean, KnnMedian
from sidecar.scoring.loda import Loda
from sidecar.scoring.lof import Lof
from sidecar.scoring.mad import Mad
from sidecar.scoring.mcd import Mcd
from sidecar.scoring.ocsvm import Ocsvm
from sidecar.scoring.pca import Pca
from sidecar.scoring.qmcd import Qmcd
from sidecar.scoring.sampling import Sampling

DETECTORS: dict[str, type[Detector]] = {
    "ecod": Ecod,
    "iforest": IForest,
    "copod": Copod,
    "hbos": Hbos,
    "pca": Pca,
    "knn": Knn,
    "knn-500": Knn500,
    "knn-mean": KnnMean,
    "knn-median": KnnMedian,
    "lof": Lof,
    "mcd": Mcd,
    "gmm": Gmm,
    "sampling": Sampling,
    "loda": Loda,
    "inne": Inne,
    "ocsvm": Ocsvm,
    "cblof": Cblof,
    "qmcd": Qmcd,
    "mad": Mad,
}
