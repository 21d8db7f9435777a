"""How well detectors tell outliers apart: AUROC of each, and of ensembles, under one protocol.

    python -m bench.auroc [--seeds 3] [--ensembles ecod+knn-500,ecod+iforest] [--sets tests/data/adbench]
    python -m bench.auroc --kept figures.json --seconds 120       again and again, until it has all
    python -m bench.auroc --kept figures.json --page > table.md   every detector of PyOD, a line each
    python -m bench.auroc --whole --limit 900 --kept whole.json   the worker's with as many rows as all others

The protocol is ADBench's for unsupervised detectors: 70 % of the rows, outliers among them and without
labels, to fit on, at most 10,000; 30 % to score; both with the set's share of outliers. A figure is the mean
over sets and seeds. Where PyOD cannot fit or score, the AUROC counts as 0.5, a coin's. What is done with
detectors that take longer, and with those that compare rows of a batch, is told in `singles.py`. What needs
PyTorch, tqdm or suod is measured where these are installed, and left out elsewhere.

Whoever looks at the table and takes its first line has looked at the answers. So the last lines say what
comes of choosing honestly: for each set that candidate is taken which is best on the mean of all other sets,
and counted on the one that it was not chosen by.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.auroc import ensembles, singles, tables
from bench.auroc.kept import Kept
from sidecar.wanted import read


def main() -> int:
    options = _arguments()
    singles.prepare()
    files = singles.directory(options.sets)
    combined = [tuple(names.split("+")) for names in options.ensembles.split(",") if names]
    wanted = [one.text for one in read(options.detectors)] if options.detectors else singles.names()
    if options.whole:
        wanted, combined = [name for name in wanted if name in singles.apart()], []
    kept = Kept(options.kept, options.seconds, options.limit, options.whole)
    for seed in range(options.seeds):
        for file in files:
            kept.measure(file, seed, wanted, combined)
            print(f"seed {seed}: {file.stem}", file=sys.stderr)
    if kept.over:
        print("there is more to measure; start it again for the others")
        return 3
    figures = kept.rows(files, options.seeds)
    print("\n".join(tables.page(figures) if options.page else tables.plain(figures, [f.stem for f in files])))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--detectors", help="single ones, comma-separated; all unless given")
    parser.add_argument("--ensembles", default=ensembles.CANDIDATES, help="names joined by +")
    parser.add_argument("--sets", type=Path, default=Path("tests/data/adbench"))
    parser.add_argument("--kept", type=Path, help="a file of figures: those in it aren't measured again")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop then; goes with --kept")
    parser.add_argument(
        "--limit", type=int, default=240, help="processor time of a detector on a set, seconds"
    )
    parser.add_argument("--whole", action="store_true", help="the worker's detectors only, with every row")
    parser.add_argument("--page", action="store_true", help="a line for every detector of PyOD, in Markdown")
    options = parser.parse_args()
    if options.whole and options.page:
        parser.error("--page is a table of all detectors, --whole is about a few")
    return options


if __name__ == "__main__":
    sys.exit(main())
