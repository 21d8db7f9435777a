"""Captures: is every call counted, what is lost when something breaks, and what do they cost?

    python -m bench.capture [--only rows,faults,cost] [--rows 1000000] [--rounds 7] [--seconds 3]

* rows: a real observer is told of calls until about a million rows are captured at a rate of 0.8. What
  its metrics say is compared with what DuckDB and pyarrow read: counts, ids, weights.
* faults: real callers, a real model and a real sidecar, while the writer is killed, the disk fills up, is
  read-only, hangs, or an HTTP sink answers 500 or nothing. As root, because disks are mounted for it.
* cost: calls a second at 16 connections, with and without, taken in turns.
"""

from __future__ import annotations

import argparse
import sys

from bench.capture.cost import cost
from bench.capture.faults import faults
from bench.capture.rows import rows

PARTS = ("rows", "faults", "cost")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.capture")
    parser.add_argument("--only", default=",".join(PARTS), help="comma-separated, of %(default)s")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows to capture [default: %(default)s]")
    parser.add_argument("--rounds", type=int, default=7, help="of `cost` [default: %(default)s]")
    parser.add_argument("--seconds", type=int, default=3, help="of each run of `cost` [default: %(default)s]")
    options = parser.parse_args()
    parts = options.only.split(",")
    if unknown := set(parts) - set(PARTS):
        sys.exit(f"no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    good = True
    if "rows" in parts:
        good &= rows(options.rows)
    if "faults" in parts:
        good &= faults()
    if "cost" in parts:
        cost(options.rounds, options.seconds)
    sys.exit(not good)


if __name__ == "__main__":
    main()
