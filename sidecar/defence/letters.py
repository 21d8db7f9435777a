"""What a text is made of: characters nobody sees, words of two alphabets, a stretch that does not belong.

    hidden characters   how many are control characters, take no room, or turn the direction of what follows
    mixed scripts       how many words are of two alphabets whose letters look alike (Unicode TR39, section 5)
    odd stretch         the highest mean surprise of 12 runs of letters: `sidecar.features.texts`

Each is compared with held-out texts of the reference, so that what is usual there (emoji with joiners,
Persian with its own, names of chemicals in Greek and Latin) is no sign of anything. A text that is well
written is not odd here, whatever it asks for. Counterpart: `sidecar.baseline.letters`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import NamedTuple

import numpy as np

from sidecar.defence.noise import Found
from sidecar.exchange import Features, Matrix, Payload
from sidecar.features import Schema
from sidecar.features.cells import label
from sidecar.features.columns import Column, sources
from sidecar.features.texts import TextReading
from sidecar.scoring.calibration import Conformal
from sidecar.scoring.detector import Arrays, need

PREFIX = "clean/letters/"

MEASURES = ("hidden characters", "mixed scripts", "odd stretch")

LOOKED_AT = 65_536
"""Characters of a text that are looked at: a millisecond."""

HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e01ef]"
)

SCRIPTS = (
    (0x0041, 0x005A, "Latin"), (0x0061, 0x007A, "Latin"), (0x00C0, 0x024F, "Latin"),
    (0x0370, 0x03FF, "Greek"), (0x0400, 0x052F, "Cyrillic"), (0x0530, 0x058F, "Armenian"),
    (0x13A0, 0x13FF, "Cherokee"), (0x1C80, 0x1C8F, "Cyrillic"), (0x1E00, 0x1EFF, "Latin"),
    (0x1F00, 0x1FFF, "Greek"), (0x2100, 0x214F, "styled"), (0x2DE0, 0x2DFF, "Cyrillic"),
    (0xA640, 0xA69F, "Cyrillic"), (0xAB70, 0xABBF, "Cherokee"), (0xFF21, 0xFF3A, "styled"),
    (0xFF41, 0xFF5A, "styled"), (0x1D400, 0x1D7FF, "styled"),
)  # fmt: skip
"""Alphabets with letters that look like those of another. What is not here may stand beside anything, as
Japanese writes with three scripts at once. `styled`: full width, bold, script and the like."""

_STARTS = [first for first, _, _ in SCRIPTS]
_WORD = re.compile(r"[^\W\d_]+")


def hidden(text: str) -> int:
    """How many characters nobody sees."""
    return len(HIDDEN.findall(text))


def mixed(text: str) -> int:
    """How many words are of two alphabets that look alike."""
    if text.isascii():
        return 0
    return sum(len({*map(_script, word)} - {""}) > 1 for word in _WORD.findall(text) if not word.isascii())


def _script(letter: str) -> str:
    place = bisect_right(_STARTS, ord(letter)) - 1
    return SCRIPTS[place][2] if place >= 0 and ord(letter) <= SCRIPTS[place][1] else ""


class TextColumn(NamedTuple):
    """One column of texts: which source it is, and which field says how odd its oddest stretch is."""

    source: int
    oddest: int


def text_columns(schema: Schema) -> tuple[TextColumn, ...]:
    return tuple(
        TextColumn(i, step.end - 1)
        for i, step in enumerate(schema.plan.steps)
        if isinstance(step.reading, TextReading)
    )


def measures(texts: Column, oddest: Column) -> Matrix:
    """(rows, MEASURES) of some texts, of which `oddest` tells the surprise; a missing one has nothing odd."""
    read = [(label(text) or "")[:LOOKED_AT] for text in texts.tolist()]
    return np.column_stack(([*map(hidden, read)], [*map(mixed, read)], np.nan_to_num(oddest))).astype(
        np.float64
    )


class Letters:
    """What texts of the reference are made of, and how rare another is. Immutable."""

    def __init__(self, schema: Schema, arrays: Arrays) -> None:
        """Raises ValueError when the arrays don't fit the schema."""
        self._schema = schema
        self._columns = text_columns(schema)
        self._clean = [
            [Conformal(column) for column in need(arrays, f"{PREFIX}{i}", np.float64, -1, len(MEASURES)).T]
            for i in range(len(self._columns))
        ]

    def found(self, features: Features, payload: Payload) -> Found:
        """The most surprising measure of the most surprising row. Several are asked, so the smallest of their
        p-values counts as many times (Bonferroni): clean texts have one under t in at most t of all cases."""
        best = Found(1.0, "")
        asked = sources(payload, self._schema)
        tests = len(self._columns) * len(MEASURES)
        for column, clean in zip(self._columns, self._clean, strict=True):
            texts = asked[column.source]
            if texts is None:
                continue
            measured = measures(texts, features.values[:, column.oddest])
            for by, conformal, scores in zip(MEASURES, clean, measured.T, strict=True):
                p = min(1.0, tests * conformal.p(float(scores.max())))
                if p < best.p:
                    best = Found(p, by)
        return best


def from_arrays(schema: Schema, arrays: Arrays) -> Letters | None:
    """None for a baseline without texts, or from before they were measured. Raises ValueError."""
    return Letters(schema, arrays) if f"{PREFIX}0" in arrays else None
