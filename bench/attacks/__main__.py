"""How many attacks on a model are found behind a sidecar, and how many honest calls are taken for one?

    python -m bench.attacks sequences        attacks by many questions: found, blocked, and what it costs
    python -m bench.attacks blocked          two of them where policies 04 and 05 stand in their way
    python -m bench.attacks clean            what both policies cost who asks about clean digits
    python -m bench.attacks honest           honest streams whose questions resemble each other
    python -m bench.attacks singles          attacks that know the model: by noise, and by answers that flip
    python -m bench.attacks singles --quick

`--python` names the interpreter of an environment with adversarial-robustness-toolbox, torch, scikit-learn,
mlxtend and orjson; without, one is made (large: PyTorch). Figures go to standard output as tables, progress
to standard error.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import tempfile
from pathlib import Path

from bench.rig import installs

PARTS = {
    "sequences": "bench.attacks.sequences",
    "singles": "bench.attacks.singles",
    "blocked": "bench.attacks.blocked",
    "clean": "bench.attacks.clean",
    "honest": "bench.attacks.honest",
}
"""Part of the command -> module with `main(python, place, quick, arguments)`."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.attacks", description=__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--python", type=Path, default=None)
    parser.add_argument("--quick", action="store_true", help="fewer digits, fewer questions")
    parser.add_argument("--only", default="", help="only these attacks, models or parts, comma-separated")
    arguments = parser.parse_args()
    python = arguments.python or installs.environment("attacks") / "bin" / "python"
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the machine is shared with the model and the sidecar
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))  # so that children end, too
    with tempfile.TemporaryDirectory(prefix="attacks-") as place:
        part = importlib.import_module(PARTS[arguments.part])
        sys.exit(
            part.main(python, Path(place), arguments.quick, tuple(filter(None, arguments.only.split(","))))
        )


if __name__ == "__main__":
    main()
