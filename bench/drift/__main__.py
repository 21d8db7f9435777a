"""Drift alarms on real data: how often they are false, how late they come, and whether they are called right.

    python -m bench.drift [--quick] [--seconds 600] [--episodes 200] [--elec elec.csv.gz]

* Stationary replays: rows drawn at random from ADBench sets (and from elec, where its file is given),
  reference and stream from the same rows. Realised false alarms stand beside promised ones, and beside rules
  in common use, a rule that never alarms and one that always does.
* Delays: rows until the alarm, for a shift of one of 50 features by 0.3 and by 1 standard deviation, and for
  a unit that changes by a factor of 100.
* Episodes: a model on real rows; nothing happens, or skew, sudden and slow feature drift, or another model.
  Counted is what the verdict says at the end, and how far the onset is off.

All of it goes through the observer's own code, with its default rules and a window of 1,000 rows (500 in
episodes). `--quick` takes less than a minute.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.drift.data import STATIONARY, adbench, elec
from bench.drift.delays import detection
from bench.drift.episodes import told_apart
from bench.drift.stationary import stationary


def main() -> None:
    options = _arguments()
    seconds, episodes = (12.0, 30) if options.quick else (options.seconds, options.episodes)
    delays = 5 if options.quick else 25
    pools = {name: adbench(name) for name in STATIONARY} | (
        {"elec": elec(options.elec)} if options.elec else {}
    )
    stationary(pools, seconds)
    detection(delays)
    told_apart(episodes)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Drift alarms on real data.")
    parser.add_argument("--quick", action="store_true", help="less than a minute")
    parser.add_argument(
        "--seconds", type=float, default=600.0, help="for stationary replays [default: %(default)s]"
    )
    parser.add_argument("--episodes", type=int, default=200, help="[default: %(default)s]")
    parser.add_argument("--elec", type=Path, help="elec.csv.gz (Harries 1999), to be shuffled")
    return parser.parse_args()


if __name__ == "__main__":
    main()
