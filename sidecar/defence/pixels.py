"""Which features of a call are a picture: all of them, row by row, from the top left corner.

A model of pictures usually gets plain numbers, `[0.0, 0.13, ...]`, and nothing on the wire says that the 28th
is above the 56th. So whoever fits the baseline says it: `sidecar fit --pixels 28x28`.
"""

from __future__ import annotations

import re

import msgspec

from sidecar.exchange import Matrix

MOST_CHANNELS = 4
"""A first or last side of at most so many is channels, not pixels."""

_FORM = re.compile(r"(\d{1,5})x(\d{1,5})(?:x(\d{1,5}))?")


class Layout(msgspec.Struct, frozen=True):
    """Height, width and channels of a picture. `first`: all of one channel stand before the next channel's,
    as in PyTorch; else those of one pixel stand together."""

    height: int
    width: int
    channels: int = 1
    first: bool = False

    @property
    def values(self) -> int:
        """Numbers of one picture."""
        return self.height * self.width * self.channels

    def pictures(self, rows: Matrix) -> Matrix:
        """(rows, values) -> (rows, height, width, channels), a view."""
        if self.first:
            apart = rows.reshape(-1, self.channels, self.height, self.width)
            return apart.transpose(0, 2, 3, 1)
        return rows.reshape(-1, self.height, self.width, self.channels)

    def rows(self, pictures: Matrix) -> Matrix:
        """Back again."""
        if self.first:
            pictures = pictures.transpose(0, 3, 1, 2)
        return pictures.reshape(-1, self.values)

    def __str__(self) -> str:
        sides = [self.height, self.width]
        if self.channels > 1 or self.first:
            sides.insert(0 if self.first else 2, self.channels)
        return "x".join(map(str, sides))


def layout(text: str) -> Layout:
    """`28x28`, `32x32x3`, `3x32x32` as a layout. Raises ValueError that says what was expected."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise ValueError(f'"{text}" is no layout of pixels; write height x width, such as 28x28 or 32x32x3')
    sides = [int(side) for side in found.groups() if side is not None]
    if 0 in sides:
        raise ValueError(f'"{text}" has a side of no pixels')
    if len(sides) == 2 or sides[2] <= MOST_CHANNELS:
        return Layout(sides[0], sides[1], sides[2] if len(sides) > 2 else 1)
    if sides[0] <= MOST_CHANNELS:
        return Layout(sides[1], sides[2], sides[0], first=True)
    raise ValueError(f'"{text}" has no channels: its first or last side must be at most {MOST_CHANNELS}')


def shades(rows: Matrix) -> tuple[float, float]:
    """What stands for black and white, told by the values of clean pictures: 0 and 1, or 0 and 255, whichever
    they fit in, else their smallest and greatest."""
    least, greatest = float(rows.min()), float(rows.max())
    usual = next((usual for usual in (1.0, 255.0) if least >= 0.0 and 0.0 < greatest <= usual), None)
    return (least, greatest) if usual is None else (0.0, usual)
