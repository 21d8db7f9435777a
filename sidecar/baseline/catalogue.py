"""Every detector of PyOD, and what becomes of it here: compiled, scored in the worker, or not possible.

    python -m sidecar.baseline.catalogue > docs/detectors.md

Counterparts: `sidecar.scoring.detectors`, the compiled forms; `sidecar.baseline.fitting`, where each name is
made from. A test holds this table to both and to PyOD's source.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

Standing: TypeAlias = Literal["compiled", "worker", "impossible"]


class Entry(NamedTuple):
    """What becomes of one PyOD class."""

    standing: Standing
    remark: str
    names: tuple[str, ...] = ()
    """What it's called here."""


def _compiled(name: str, remark: str, *more: str) -> Entry:
    return Entry("compiled", remark, (name, *more))


def _worker(name: str, remark: str) -> Entry:
    return Entry("worker", remark, (name,))


def _impossible(remark: str) -> Entry:
    return Entry("impossible", remark)


BATCH = "compares rows within the batch it is given; a row alone has no score"
SAME = "compares rows within the batch it is given; every row that comes alone gets the same score"
GRAPH = "scores the nodes of the graph that it was fitted on, and no others"
LABELS = "learns from labelled outliers, which clean training rows don't have"
NETWORK = "a neural network: needs {}, which you install beside the sidecar"
PARTS = "joins detectors of other kinds of input; give its vectors as columns instead"
SERIES = "scores stretches of one time series in order; a request is a row without a neighbour in time"

CATALOGUE: dict[str, Entry] = {
    "ABOD": _worker("abod", "far from the training rows its score, a variance of equal numbers, is noise"),
    "AE1SVM": _impossible(
        "PyOD fails on a row that comes alone: its batch of one is an error under NumPy 2.4"
    ),
    "ALAD": _worker("alad", NETWORK.format("PyTorch")),
    "ANOMALOUS": _impossible(GRAPH),
    "AnoGAN": _worker("anogan", NETWORK.format("PyTorch")),
    "AnomalyDAE": _impossible(GRAPH),
    "AnomalyTransformer": _impossible(SERIES),
    "AudioAE": _impossible("hears sound, and no codec gives it any"),
    "AutoEncoder": _worker("autoencoder", NETWORK.format("PyTorch and `tqdm`")),
    "CBLOF": _compiled("cblof", "clusters and distances; PyOD cannot fit it on some data"),
    "CD": _impossible("Cook's distance goes by the batch it is given; a row alone has none"),
    "COF": _impossible(BATCH),
    "CONAD": _impossible(GRAPH),
    "COPOD": _compiled("copod", "one step function for each column"),
    "CoLA": _impossible(GRAPH),
    "DIF": _impossible(SAME),
    "DOMINANT": _impossible(GRAPH),
    "DeepSVDD": _worker("deepsvdd", NETWORK.format("PyTorch")),
    "DevNet": _impossible(LABELS),
    "ECOD": _compiled("ecod", "one step function for each column"),
    "EmbeddingOD": _impossible(
        "embeds text or images with a model that it fetches; give its vectors as columns instead"
    ),
    "FeatureBagging": _worker("featurebagging", "an ensemble of LOF or others; compiled LOF is at hand"),
    "GMM": _compiled("gmm", "a matrix product for each component, full covariances"),
    "GUIDE": _impossible(GRAPH),
    "HBOS": _compiled("hbos", "a table for each column; a fixed number of bins"),
    "HDBSCAN": _worker("hdbscan", "scores a row by those of its neighbours; ties between those are open"),
    "IForest": _compiled("iforest", "all trees in flat arrays"),
    "INNE": _compiled(
        "inne", "balls around drawn rows; a row on a surface is taken again as scikit-learn does"
    ),
    "KDE": _worker(
        "kde", "scikit-learn's tree loses digits: far from training rows it was off by up to 84 %"
    ),
    "KNN": _compiled(
        "knn", "exact distances to candidates found by a product", "knn-500", "knn-mean", "knn-median"
    ),
    "KPCA": _worker("kpca", "eigenvectors of a kernel matrix: small eigenvalues leave no nine digits"),
    "KShape": _impossible(SERIES),
    "LMDD": _impossible(BATCH),
    "LOCI": _impossible(SAME),
    "LODA": _compiled("loda", "projections and tables; a value on an edge is taken again as PyOD does"),
    "LOF": _compiled("lof", "as knn, with ties settled by a walk of scikit-learn's tree"),
    "LSCP": _worker("lscp", "chooses among detectors that are given to it: `lscp(detector_list=[lof, knn])`"),
    "LSTMAD": _impossible(SERIES),
    "LUNAR": _worker("lunar", NETWORK.format("PyTorch")),
    "MAD": _compiled("mad", "one column only, in PyOD, too"),
    "MCD": _compiled(
        "mcd", "location and precision matrix; with a thousand columns PyOD takes minutes to fit it"
    ),
    "MO_GAAL": _worker("mo_gaal", NETWORK.format("PyTorch")),
    "MatrixProfile": _impossible(SERIES),
    "MultiModalOD": _impossible(PARTS),
    "OCSVM": _compiled("ocsvm", "support vectors; radial kernel"),
    "PCA": _compiled(
        "pca", "distances to components; data whose columns depend exactly on each other are refused"
    ),
    "QMCD": _compiled("qmcd", "a product over all training rows, slow"),
    "RGraph": _impossible(
        "joins each batch to the training rows and solves for all: a second a row for 200 of them"
    ),
    "ROD": _impossible(SAME),
    "Radar": _impossible(GRAPH),
    "SAND": _impossible(SERIES),
    "SCAN": _impossible(GRAPH),
    "SOD": _impossible(BATCH),
    "SOS": _impossible(BATCH),
    "SO_GAAL": _worker("so_gaal", NETWORK.format("PyTorch")),
    "SUOD": _worker("suod", "joins several detectors, and is slow for one row; needs the package `suod`"),
    "Sampling": _compiled("sampling", "distance to the nearest of 20 rows"),
    "SpectralResidual": _impossible(SERIES),
    "TimeSeriesOD": _impossible(SERIES),
    "VAE": _worker("vae", NETWORK.format("PyTorch and `tqdm`")),
    "XGBOD": _impossible(LABELS),
}
"""Every detector class in PyOD 3.6.7, by its name there."""

TITLES: dict[Standing, tuple[str, str]] = {
    "compiled": (
        "Compiled",
        """\
Equal to PyOD's `decision_function` of the row alone, to a relative 1e-9, on thirteen real sets and on data
made to break it. Name them in `--detectors`. What they cost is in [scores](scores.md).""",
    ),
    "worker": (
        "Scored by PyOD in the worker",
        """\
No form of these in plain numpy that equals PyOD's score has been made, for the reason given. They work by
name all the same, scored by PyOD itself in [a process of its own](scores.md#the-worker). A compiled detector
with parameters that its compiled form does not know goes there too: `gmm(covariance_type=diag)`.""",
    ),
    "impossible": (
        "Not possible",
        """\
PyOD itself has no score for a single new row, learned from clean rows alone, or it is not for tables.""",
    ),
}


def page() -> str:
    """The text of `docs/detectors.md`."""
    parts = ["# Detectors", f"PyOD 3.6 has {len(CATALOGUE)} detectors. What becomes of each:"]
    for standing, (title, text) in TITLES.items():
        rows = [(name, entry) for name, entry in CATALOGUE.items() if entry.standing == standing]
        lines = [f"| PyOD | {'' if standing == 'impossible' else 'name here | '}remark |"]
        lines.append("| --- " * (2 if standing == "impossible" else 3) + "|")
        for name, entry in rows:
            ours = f"{', '.join(f'`{own}`' for own in entry.names)} | " if entry.names else ""
            lines.append(f"| {name} | {ours}{entry.remark} |")
        parts += [f"## {title} ({len(rows)})", text, "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    print(page(), end="")
