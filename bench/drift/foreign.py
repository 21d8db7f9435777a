"""One library's own default rule on many windows. Runs in that library's environment, not in sidecar's.

    python foreign.py evidently|nannyml|alibi-detect FILE.npz...

A file has `reference` (rows, features) and `windows` (windows, rows, features). The answer is a line of JSON
for each: for each rule the number of windows with an alarm, the rule's name being what the library's
documentation calls it. Counterpart: `bench.drift.peers`, which starts it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import warnings
from typing import Any

import numpy as np


def evidently(reference: Any, windows: Any) -> dict[str, int]:
    """`DataDriftPreset()`: drift of any column, and its own word on the whole, half of the columns."""
    import pandas as pd
    from evidently import Report
    from evidently.presets import DataDriftPreset

    names = [f"f{i}" for i in range(reference.shape[1])]
    before = pd.DataFrame(reference, columns=names)
    any_column = half = 0
    for window in windows:
        told = Report([DataDriftPreset()]).run(pd.DataFrame(window, columns=names), before).dict()
        count = next(one["value"] for one in told["metrics"] if "DriftedColumnsCount" in one["metric_name"])
        any_column += count["count"] > 0
        half += count["share"] >= 0.5
    return {"DataDriftPreset, any column": any_column, "DataDriftPreset, half of the columns": half}


def nannyml(reference: Any, windows: Any) -> dict[str, int]:
    """The univariate calculator's defaults, any column; and the multivariate one's (PCA and back)."""
    import nannyml as nml
    import pandas as pd

    names = [f"f{i}" for i in range(reference.shape[1])]
    before = pd.DataFrame(reference, columns=names)
    after = pd.DataFrame(windows.reshape(-1, windows.shape[2]), columns=names)
    size = windows.shape[1]
    found = {}
    for rule, calculator in {
        "UnivariateDriftCalculator, any column": nml.UnivariateDriftCalculator,
        "DataReconstructionDriftCalculator": nml.DataReconstructionDriftCalculator,
    }.items():
        table = calculator(column_names=names, chunk_size=size).fit(before).calculate(after)
        told = table.filter(period="analysis").to_df()
        alerts = told[[column for column in told.columns if column[-1] == "alert"]]
        found[rule] = int(alerts.any(axis=1).sum())
    return found


def alibi_detect(reference: Any, windows: Any) -> dict[str, int]:
    """`KSDrift(x_ref)` and `CVMDrift(x_ref)` as they come: p 0.05, Bonferroni over features."""
    from alibi_detect.cd import CVMDrift, KSDrift

    found = {}
    for rule, kind in {"KSDrift": KSDrift, "CVMDrift": CVMDrift}.items():
        test = kind(reference)
        found[rule] = sum(int(test.predict(window)["data"]["is_drift"]) for window in windows)
    return found


def main() -> None:
    library, *files = sys.argv[1:]
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    rule = {"evidently": evidently, "nannyml": nannyml, "alibi-detect": alibi_detect}[library]
    for file in files:
        with np.load(file) as arrays:
            reference, windows = arrays["reference"], arrays["windows"]
        with contextlib.redirect_stdout(sys.stderr):
            found = rule(reference, windows)
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
