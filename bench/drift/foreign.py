"""One library's own default rule on flow after flow. Runs in that library's environment, not in sidecar's.

    python foreign.py evidently|nannyml|alibi-detect

Each line in names a file with `reference` (rows, features) and two arrays of windows (windows, rows,
features), `long` and `short`. Each line out is JSON: for each rule, whose name is what the library's
documentation calls it, windows with an alarm and windows seen, of both. Of Evidently it's the scores of the
first `checked` windows of both, and how many columns drifted in the first window, where a `report` is wanted.
Counterpart: `bench.drift.peers`, which starts it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import warnings
from typing import Any

import numpy as np

Alarms = dict[str, list[tuple[int, int]]]


def evidently(file: Any) -> dict[str, Any]:
    """`DataDriftPreset()`: the tests that it chooses for each column; and its own whole report."""
    import pandas as pd
    from evidently import Report
    from evidently.legacy.calculations.stattests import get_stattest
    from evidently.legacy.core import ColumnType
    from evidently.presets import DataDriftPreset

    names = [f"f{i}" for i in range(file["reference"].shape[1])]
    before = pd.DataFrame(file["reference"], columns=names)
    scores, reports = [], []
    for windows in (file["long"], file["short"]):
        for i, window in enumerate(windows[: int(file["checked"])]):
            now = pd.DataFrame(window, columns=names)
            scores.append([])
            for name in names:
                kind = ColumnType.Numerical  # as it takes every column of floats
                test = get_stattest(before[name], now[name], kind, None)
                scores[-1].append(float(test(before[name], now[name], kind, None).drift_score))
            if i == 0 and file["report"]:
                told = Report([DataDriftPreset()]).run(now, before).dict()["metrics"]
                counted = next(one["value"] for one in told if "DriftedColumnsCount" in one["metric_name"])
                reports.append((len(scores) - 1, int(counted["count"])))
    return {"scores": scores, "reports": reports}


def nannyml(file: Any) -> Alarms:
    """The univariate calculator's defaults, any column; and the multivariate one's (PCA and back)."""
    import nannyml as nml
    import pandas as pd

    names = [f"f{i}" for i in range(file["reference"].shape[1])]
    before = pd.DataFrame(file["reference"], columns=names)
    found: Alarms = {}
    for windows in (file["long"], file["short"]):
        count, size, _ = windows.shape
        after = pd.DataFrame(windows.reshape(-1, len(names)), columns=names)
        for rule, calculator in {
            "UnivariateDriftCalculator, any column": nml.UnivariateDriftCalculator,
            "DataReconstructionDriftCalculator": nml.DataReconstructionDriftCalculator,
        }.items():
            table = calculator(column_names=names, chunk_size=size).fit(before).calculate(after)
            told = table.filter(period="analysis").to_df()
            alerts = told[[column for column in told.columns if column[-1] == "alert"]]
            found.setdefault(rule, []).append((int(alerts.any(axis=1).sum()), count))
    return found


def alibi_detect(file: Any) -> Alarms:
    """`KSDrift(x_ref)` and `CVMDrift(x_ref)` as they come: p 0.05, Bonferroni over features."""
    from alibi_detect.cd import CVMDrift, KSDrift

    found: Alarms = {}
    for rule, kind in {"KSDrift": KSDrift, "CVMDrift": CVMDrift}.items():
        test = kind(file["reference"])
        for windows in (file["long"], file["short"]):
            alarms = sum(int(test.predict(window)["data"]["is_drift"]) for window in windows)
            found.setdefault(rule, []).append((alarms, len(windows)))
    return found


def main() -> None:
    rule = {"evidently": evidently, "nannyml": nannyml, "alibi-detect": alibi_detect}[sys.argv[1]]
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    for line in sys.stdin:
        with np.load(line.strip()) as file:
            arrays = {name: file[name] for name in file.files}
        with contextlib.redirect_stdout(sys.stderr):
            found = rule(arrays)
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
