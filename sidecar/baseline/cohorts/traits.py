"""What sets a group of rows apart from clean ones: one short rule a field, with the shares it holds for.

    amount between 900 and 1,200 (clean: 10 to 80)   country = "XX" (clean: 2 %)   age missing (clean: 1 %)

A rule is judged by how much more often it holds for the group than for clean rows: Youden's J, which has no
unit and needs no distribution. Numbers get the interval that does best, so a group is also set apart by lying
close together in the middle of what is ordinary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sidecar.cohort import Trait
from sidecar.exchange import Matrix
from sidecar.features import Field

TOLD = 5
"""Traits told of a group at most."""

WORTH_TELLING = 0.3
"""The least effect of a trait that is told; the strongest one is told in any case."""

Column = NDArray[np.float64]
Mask = NDArray[np.bool_]


def traits(
    group: Matrix, clean: Matrix, fields: Sequence[Field], new: Sequence[dict[str, str]]
) -> tuple[Trait, ...]:
    """The traits of `group` against `clean`, both (rows, fields), the strongest first.

    `new` has, for each row of the group, the names of categories that the reference didn't know, by field.
    """
    found = []
    for i, field in enumerate(fields):
        names = [row.get(field.name, "") for row in new] if field.categories else []
        found.append(_trait(group[:, i], clean[:, i], field, names))
    found.sort(key=lambda trait: -trait.effect)
    least = max(WORTH_TELLING, noise(len(group), len(clean)))
    told = [trait for trait in found if trait.effect >= least][:TOLD]
    return tuple(told or found[:1])


def together(rows: Matrix, told: Sequence[Trait], fields: Sequence[Field]) -> float:
    """The share of `rows`, (rows, fields), for which all traits hold at once."""
    if not len(rows):
        return 0.0
    places = {field.name: i for i, field in enumerate(fields)}
    holds: Mask = np.ones(len(rows), dtype=np.bool_)
    for trait in told:
        column = rows[:, places[trait.field]]
        holds &= _holds(trait, column, fields[places[trait.field]])
    return float(holds.mean())


def _trait(group: Column, clean: Column, field: Field, new: Sequence[str]) -> Trait:
    gone, gone_elsewhere = _share(np.isnan(group)), _share(np.isnan(clean))
    words = f"{field.name} missing (clean: {percent(gone_elsewhere)})"
    missing = Trait(field.name, "missing", gone, gone_elsewhere, words)
    if np.isnan(group).all():
        return missing
    known = _category if field.categories or field.kind == "boolean" else _number
    trait = known(group, clean, field, new)
    return missing if missing.effect > trait.effect else trait


# -- numbers ---------------------------------------------------------------------------------------


def _number(group: Column, clean: Column, field: Field, new: Sequence[str]) -> Trait:
    low, high = interval(group, clean)
    words = f"{field.name} {_interval(low, high)}{_ordinary(clean)}"
    share, elsewhere = _share(_inside(group, low, high)), _share(_inside(clean, low, high))
    return Trait(field.name, "number", share, elsewhere, words, low, high)


def interval(group: Column, clean: Column) -> tuple[float, float]:
    """The interval that holds most of `group` and least of `clean`, and at least the group's middle half.

    The two ends can be chosen one by one, because what lies below an interval and what lies above it are lost
    to the group independently.
    """
    values = np.unique(group[~np.isnan(group)])
    below = _share_below(group, values, "left") - _share_below(clean, values, "left")
    up_to = _share_below(group, values, "right") - _share_below(clean, values, "right")
    quarter, three_quarters = np.nanquantile(group, (0.25, 0.75), method="nearest")
    lows, highs = values <= quarter, values >= three_quarters
    # The first of equally good lows and the last of highs: the widest interval.
    low = values[lows][np.argmin(np.round(below[lows], 9))]
    high = values[highs][::-1][np.argmax(np.round(up_to[highs][::-1], 9))]
    return float(low), float(high)


def _share_below(column: Column, values: Column, side: Literal["left", "right"]) -> Column:
    """The share of the column below each of `values` (left), or not above it (right); missing ones count."""
    shares: Column = np.sort(column).searchsorted(values, side) / max(1, len(column))
    return shares


def noise(group: int, clean: int) -> float:
    """The effect that 1 in 20 fields reach by chance: the best interval's is Kuiper's V, here at its 95 %
    quantile (Stephens 1970)."""
    root = (group * clean / max(1, group + clean)) ** 0.5
    return 1.747 / (root + 0.155 + 0.24 / root) if root else 0.0


def _interval(low: float, high: float) -> str:
    return f"= {number(low)}" if low == high else f"between {' and '.join(distinct(low, high))}"


def _ordinary(clean: Column) -> str:
    """Where nine in ten clean rows are."""
    known = clean[~np.isnan(clean)]
    if not known.size:
        return ""
    low, high = np.quantile(known, (0.05, 0.95), method="nearest").tolist()
    return f" (clean: {number(low) if low == high else ' to '.join(distinct(low, high))})"


# -- categories ------------------------------------------------------------------------------------


def _category(group: Column, clean: Column, field: Field, new: Sequence[str]) -> Trait:
    values = np.unique(group[~np.isnan(group)])
    shares = [(_share(group == value), _share(clean == value)) for value in values.tolist()]
    best = max(range(len(shares)), key=lambda i: shares[i][0] - shares[i][1])
    name, (share, elsewhere) = category(field, float(values[best])), shares[best]
    if name is None:
        return _newcomer(field, share, elsewhere, new)
    equals = f"{field.name} = {name}" if field.kind == "boolean" else f'{field.name} = "{name}"'
    return Trait(
        field.name, "category", share, elsewhere, f"{equals} (clean: {percent(elsewhere)})", value=name
    )


def _newcomer(field: Field, share: float, elsewhere: float, new: Sequence[str]) -> Trait:
    """A category that the reference doesn't know; named where all the rows agree on the name."""
    names = {name for name in new if name}
    known = f' = "{names.pop()}"' if len(names) == 1 else ""
    words = f"{field.name}{known}, never seen in the reference (clean: {percent(elsewhere)})"
    return Trait(field.name, "category", share, elsewhere, words)


def category(field: Field, value: float) -> str | None:
    """The name of a category's or boolean's value; None when the reference doesn't know it."""
    if field.kind == "boolean":
        return "true" if value else "false"
    return field.categories[int(value)] if 0 <= value < len(field.categories) else None


def _holds(trait: Trait, column: Column, field: Field) -> Mask:
    if trait.kind == "missing":
        return np.isnan(column)
    if trait.kind == "number":
        return _inside(column, trait.low, trait.high)
    if field.kind == "boolean":
        code = float(trait.value == "true")
    else:
        code = field.categories.index(trait.value) if trait.value else len(field.categories)
    return _inside(column, code, code)


# -- words -----------------------------------------------------------------------------------------


def percent(share: float) -> str:
    """A share as people read it."""
    return f"{100 * share:.2g} %" if 0 < share < 0.1 else f"{100 * share:.0f} %"


def number(value: float, digits: int = 3) -> str:
    """A number with so many significant digits, but with its whole part in full; thousands apart."""
    if not np.isfinite(value):
        return str(value)
    whole = min(9, len(str(int(abs(value)))))
    return f"{value:,.{max(digits, whole)}g}"


def distinct(low: float, high: float) -> tuple[str, str]:
    """Two numbers with as many digits as it takes to tell them apart."""
    for digits in range(3, 17):
        pair = number(low, digits), number(high, digits)
        if pair[0] != pair[1]:
            return pair
    return repr(low), repr(high)


def _inside(column: Column, low: float, high: float) -> Mask:
    inside: Mask = (column >= low) & (column <= high)
    return inside


def _share(holds: Mask) -> float:
    return float(holds.mean()) if holds.size else 0.0
