"""Drift alarms on real data: how often they are false, how late they come, and whether they are called right.

    python -m bench.drift [--quick] [--only stationary,delays,episodes,cost] [--elec elec.csv.gz]

* stationary: rows drawn at random from ADBench sets, fifty features, car loans (from NannyML's package) and
  elec (Harries 1999, as in scikit-multiflow's elec.csv, where its file is given), reference and stream from
  the same rows: any alarm is false. Sidecar beside rules in common use, Evidently's, NannyML's and
  alibi-detect's own defaults, a rule that never alarms and one that always does, all on the same windows;
  `--alone` leaves the libraries out.
* delays: rows until the alarm, for a shift of one of 50 features by 0.3 and by 1 standard deviation, and for
  a unit that changes by a factor of 100.
* episodes: a model on real rows; nothing happens, or skew, sudden and slow feature drift, columns that come
  from other rows, rows drawn unevenly, another model, another truth, or the last and uneven rows.
  Counted is what the verdict says at the end, and how far the onset is off.
* truths: labels of quantities and classes while nothing moves.
* concept: elec with a model and 20 % of labels swapped, beside river's detectors (needs elec's file).
* estimates: performance without labels on NannyML's car loans, beside its own CBPE.
* cost: what windows and tests take.

All of it goes through the observer's own code, with its default rules and a window of 1,000 rows (500 in
episodes). `--quick` takes a minute or two, and leaves out other libraries.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.drift.concept import concept
from bench.drift.cost import cost
from bench.drift.data import STATIONARY, adbench, car_loan, elec, fifty
from bench.drift.delays import detection
from bench.drift.episodes import told_apart
from bench.drift.estimates import off_by
from bench.drift.peers import LIBRARIES
from bench.drift.stationary import stationary
from bench.drift.truths import quiet_truths
from bench.rig import installs
from sidecar.exchange import Matrix

CAR_LOAN_FILE = "lib/python3*/site-packages/nannyml/datasets/data/synthetic_car_loan_reference.csv"

PARTS = ("stationary", "delays", "episodes", "truths", "concept", "estimates", "cost")


def main() -> None:
    options = _arguments()
    usual = [one for one in PARTS if one != "estimates" or not options.quick]
    parts = options.only.split(",") if options.only else usual
    if unknown := set(parts) - set(PARTS):
        sys.exit(f"no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    flows, episodes, delays = (1, 30, 5) if options.quick else (options.flows, options.episodes, 25)
    if "stationary" in parts:
        libraries = () if options.quick or options.alone else LIBRARIES
        stationary(_pools(options), flows, options.seed, libraries, options.minutes)
    if "delays" in parts:
        detection(delays)
    if "episodes" in parts:
        told_apart(episodes)
    if "truths" in parts:
        quiet_truths(1 if options.quick else 6)
    if "concept" in parts and options.elec:
        concept(options.elec, 8 if options.quick else 60)
    if "estimates" in parts:
        off_by()
    if "cost" in parts:
        cost(5.0 if options.quick else 30.0)


def _pools(options: argparse.Namespace) -> dict[str, Matrix]:
    pools = {name: adbench(name) for name in STATIONARY} | {"satimage + pendigits": fifty()}
    if options.elec:
        pools["elec"] = elec(options.elec)
    if not options.quick:
        try:
            home = installs.environment("nannyml")
            pools["car_loan"] = car_loan(next(home.glob(CAR_LOAN_FILE)))
        except (installs.Missing, StopIteration) as error:
            print(f"car_loan: left out: {error}", file=sys.stderr)
    return pools


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Drift alarms on real data.")
    parser.add_argument("--quick", action="store_true", help="less than a minute")
    parser.add_argument(
        "--flows", type=int, default=13, help="of 100 windows, of each set [default: %(default)s]"
    )
    parser.add_argument(
        "--minutes", type=float, default=120.0, help="for stationary replays at most [default: %(default)s]"
    )
    parser.add_argument("--seed", type=int, default=0, help="of stationary replays [default: %(default)s]")
    parser.add_argument("--alone", action="store_true", help="stationary replays without other libraries")
    parser.add_argument("--only", default="", help=f"some of {', '.join(PARTS)}, comma-separated")
    parser.add_argument("--episodes", type=int, default=270, help="[default: %(default)s]")
    parser.add_argument("--elec", type=Path, help="elec.csv.gz (Harries 1999), to be shuffled")
    return parser.parse_args()


if __name__ == "__main__":
    main()
