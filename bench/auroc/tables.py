"""Figures -> tables: one for people at a terminal, one of all of PyOD's detectors for the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

from bench.auroc import singles

Figures = Mapping[str, Sequence[Sequence[float]]]
"""Label -> AUROC by seed and set."""


def plain(figures: Figures, names: Sequence[str]) -> Iterator[str]:
    """Every candidate, best first, with its figure on each set; then what comes of choosing blind, and how
    far the default is ahead of the best single ones."""
    heads = [name.partition("_")[2][:6] for name in names]
    yield f"{'':26}{'mean':>7}  {' '.join(f'{head:>6}' for head in heads)}"
    for label, found in sorted(figures.items(), key=lambda row: -float(np.mean(row[1]))):
        each = " ".join(f"{value:6.3f}" for value in np.mean(found, axis=0))
        yield f"{label.partition('(')[0] or label:26}{np.mean(found):7.4f}  {each}"
    kinds = {"single": [one for one in figures if _single(one)]}
    kinds["ensemble"] = [one for one in figures if not _single(one)]
    for what, labels in kinds.items():
        if len(labels) > 1:
            yield chosen(what, {label: np.mean(figures[label], axis=0) for label in labels})
    yield from ahead(figures, kinds["single"])


def ahead(figures: Figures, singles: Sequence[str], most: int = 5) -> Iterator[str]:
    """How far the default is ahead of the best single detectors: the mean difference over sets, with a 95 %
    bootstrap interval (bias-corrected and accelerated; Efron 1987) for other sets like these."""
    default = next((label for label in figures if label.endswith("*")), None)
    if default is None:
        return
    for label in sorted(singles, key=lambda one: -_mean(figures, one))[:most]:
        gained = np.mean(figures[default], axis=0) - np.mean(figures[label], axis=0)
        line = f"{'default - ' + label:26}{gained.mean():7.4f}"
        if len(gained) > 1 and gained.std() > 0:
            low, high = bootstrap((gained,), np.mean, rng=np.random.default_rng(0)).confidence_interval
            line += f"  ({low:.3f} to {high:.3f}; ahead on {(gained > 0).sum()} of {len(gained)} sets)"
        yield line


def chosen(what: str, aurocs: Mapping[str, NDArray[np.float64]]) -> str:
    """Lines for candidates, each with its AUROC on every set, chosen without the set that counts."""
    counted, took = [], []
    for place in range(len(next(iter(aurocs.values())))):
        others = {label: np.delete(each, place).mean() for label, each in aurocs.items()}
        took.append(max(others, key=lambda label: others[label]))
        counted.append(float(aurocs[took[-1]][place]))
    each = " ".join(f"{value:6.3f}" for value in counted)
    times = ", ".join(f"{label} {took.count(label)} times" for label in dict.fromkeys(took))
    return f"{f'{what}, chosen blind':26}{np.mean(counted):7.4f}  {each}\n  ({times})"


def page(figures: Figures) -> Iterator[str]:
    """A table with a line for every detector of PyOD, best first, the default ensemble among them."""
    yield "| | AUROC | least and greatest of a seed | fitted on, at most | how it scores |"
    yield "| --- | --- | --- | --- | --- |"
    default = next(label for label in figures if label.endswith("*"))
    lines = [
        (_mean(figures, default), f"**`{default.removesuffix(' *')}`: the default**", default, "an ensemble")
    ]
    without = []
    for row in singles.rows():
        for label in row.labels:
            if label in figures:
                called = f"{row.pyod}, `{label.partition('(')[0]}`"
                lines.append((_mean(figures, label), called, label, _remark(label)))
            else:
                without.append((row.pyod, "not measured: it needs packages that weren't there"))
        if row.reason:
            without.append((row.pyod, row.reason))
    for mean, called, label, remark in sorted(lines, key=lambda line: -line[0]):
        each = np.mean(figures[label], axis=1)
        fitted = 10_000 if label == default else singles.rows_fitted(label)
        yield f"| {called} | {mean:.3f} | {each.min():.3f} to {each.max():.3f} | {fitted:,} rows | {remark} |"
    for pyod, reason in without:
        yield f"| {pyod} | none | | | {reason} |"


def _mean(figures: Figures, label: str) -> float:
    return float(np.mean(figures[label]))


def _remark(label: str) -> str:
    if label in singles.BATCHWISE:
        return "batches only"
    return "compiled" if singles.compiled(label) else "worker"


def _single(label: str) -> bool:
    return label in singles.names()
