"""Schema breaks: what happened to a column when it didn't drift but break. Pure functions.

    Kind              what is seen of the column since the onset
    absent            calls are refused a score because the column isn't in them
    type              calls are refused a score because text stands where a number was
    missing           the column is there and empty
    stuck             one value again and again, where there were many
    unit              all values are the old ones times a factor, such as 100 or 0.001
    new-categories    nearly every category is one that the reference never saw

Counterparts: `sidecar.observer.drift` says that a feature moved and when; `sidecar.features` refuses rows.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec
import numpy as np

from sidecar.exchange import Matrix
from sidecar.observer.sequential import Values
from sidecar.observer.summary import LARGEST
from sidecar.observer.windows import Window
from sidecar.scoring.bins import ReferenceField

Kind = Literal["absent", "type", "missing", "stuck", "unit", "new-categories"]

MOST = 0.9
"""Share of the rows since the onset that must be broken. Half a column of nulls is a drift, not a break."""

LEAST_ROWS = 10
"""Rows since the onset that are enough to name a break."""

SURPRISE = 1e-6
"""Chance under the reference at which a run of one value is no longer taken for chance."""

FACTOR = 3.0
"""A unit that changed changes values by at least this factor, or its inverse, or the sign."""

MISFIT = 0.15
"""How far the quantiles may lie from the reference's times the factor, as a share of their spread."""

REFUSALS: dict[str, Kind] = {"schema-mismatch:missing": "absent", "not-a-number": "type"}
"""Reasons for which calls go unscored, up to the name of the field, and what they mean."""


class Break(msgspec.Struct, frozen=True):
    """One broken column. `share`: of the rows (or calls) since the onset. `factor`: of a unit, else 0."""

    feature: str
    kind: Kind
    share: float
    factor: float = 0.0


def latest(window: Window, rows: int, now: float) -> Matrix:
    """The last `rows` rows as far as the window's sample has them, (any, fields), in no certain order."""
    summary = window.snapshot(now).summary
    sample = summary.sample.rows
    share = len(sample) / max(1, summary.rows)
    wanted = min(len(sample), max(1, round(rows * share)))
    return sample[len(sample) - wanted :]


def broken(field: ReferenceField, values: Values) -> Break | None:
    """What broke in a column, if anything. `values`: since the onset, (rows,), NaN where missing."""
    if len(values) < LEAST_ROWS:
        return None
    missing = float(np.isnan(values).mean())
    if missing >= MOST and field.probabilities[-1] < 0.5:
        return Break(field.name, "missing", missing)
    present = values[np.isfinite(values)]
    if len(present) < LEAST_ROWS:
        return None
    if field.kind == "category":
        new = float((present >= field.edges[-1]).mean())
        return Break(field.name, "new-categories", new) if new >= MOST else None
    return _stuck(field, present) or _unit(field, present)


def _stuck(field: ReferenceField, present: Values) -> Break | None:
    value, times = Counter(present.tolist()).most_common(1)[0]
    share = times / len(present)
    chance = field.probabilities[int(np.searchsorted(field.edges, value, side="right"))]
    if share < MOST or times * math.log(max(chance, 1e-9)) > math.log(SURPRISE):
        return None
    return Break(field.name, "stuck", share)


def _unit(field: ReferenceField, present: Values) -> Break | None:
    if field.kind != "number" or field.std == 0.0:
        return None
    levels = np.linspace(0.1, 0.9, 9)
    before, now = quantiles(field, levels), np.quantile(np.clip(present, -LARGEST, LARGEST), levels)
    if np.abs((*before, *now)).max() >= LARGEST:
        return None
    spread = float(now[-1] - now[0])
    factor = float(before @ now / max(float(before @ before), 1e-300))
    misfit = float(np.sqrt(np.mean(np.square(now - factor * before))))
    if spread == 0.0 or misfit > MISFIT * spread or 1 / FACTOR < factor < FACTOR:
        return None
    return Break(field.name, "unit", 1.0, _round(factor))


def _round(factor: float) -> float:
    """A power of ten where the factor is one, to a tenth; quantiles of few rows are rough."""
    power = 10.0 ** round(math.log10(abs(factor))) * math.copysign(1, factor)
    return power if abs(factor / power - 1) < 0.1 else factor


def quantiles(field: ReferenceField, levels: Values) -> Values:
    """Quantiles of the reference, as far as its bins know them."""
    shares = np.array(field.probabilities[:-1])
    ends = np.clip((field.min, *field.edges, field.max), field.min, field.max)
    up_to = np.concatenate(((0.0,), np.cumsum(shares))) / max(float(shares.sum()), 1e-300)
    found: Values = np.interp(levels, up_to, ends)
    return found


def refused(reasons: Iterable[str]) -> tuple[Break, ...]:
    """Breaks that latest calls were refused a score for. `reasons`: one for each, empty where scored."""
    counts = Counter(reasons)
    calls = sum(counts.values())
    found = []
    for reason, times in counts.items():
        cause, _, feature = reason.rpartition(":")
        if cause in REFUSALS and times >= LEAST_ROWS and times >= MOST * calls:
            found.append(Break(feature, REFUSALS[cause], times / calls))
    return tuple(found)


def breaks(fields: Sequence[ReferenceField], rows: Matrix, names: Iterable[str]) -> tuple[Break, ...]:
    """The breaks among the named features. `rows`: since the onset, (rows, fields)."""
    wanted = set(names)
    found = (broken(field, rows[:, i]) for i, field in enumerate(fields) if field.name in wanted)
    return tuple(one for one in found if one is not None)
