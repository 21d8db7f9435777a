"""Pictures as an honest way to the model may leave them: blurred, or compressed as JPEG is.

Both leave faint pixels where a clean picture has none, as an attack does. How much is usual is therefore
counted from pictures that have come this way, too (`sidecar.baseline.noise`). JPEG is its lossy step without
colour: the cosines of each 8 x 8 block in the steps of the standard's table (ITU-T T.81, K.1), quality 50.
The blur is Gaussian, one pixel wide.
"""

from __future__ import annotations

import numpy as np
from scipy.fft import dctn, idctn
from scipy.ndimage import gaussian_filter

from sidecar.defence.squeezers import Pictures

BLOCK = 8
MIDDLE, BYTE = 128.0, 255.0

STEPS = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    dtype=np.float64,
)
"""Of the cosines of a block, in shades of 255."""

WIDE = 3
"""Pixels on each side that a blur reaches."""


def blurred(pictures: Pictures) -> Pictures:
    """Each pixel is a Gaussian mean of those around it."""
    wide = (0, WIDE, WIDE, 0)
    found: Pictures = gaussian_filter(pictures, (0.0, 1.0, 1.0, 0.0), mode="reflect", radius=wide)
    return found


def compressed(pictures: Pictures, black: float, white: float) -> Pictures:
    """What JPEG makes of them. `black`, `white`: the shades that are 0 and 255 to it."""
    _, height, width, _ = pictures.shape
    below, right = -height % BLOCK, -width % BLOCK
    whole = np.pad(pictures, ((0, 0), (0, below), (0, right), (0, 0)), "edge")
    whole = (whole - black) * (BYTE / (white - black)) - MIDDLE
    rows, high, wide, channels = whole.shape
    blocks = whole.reshape(rows, high // BLOCK, BLOCK, wide // BLOCK, BLOCK, channels).transpose(
        0, 1, 3, 5, 2, 4
    )
    kept = np.rint(dctn(blocks, axes=(-2, -1), norm="ortho") / STEPS) * STEPS
    shades = (
        np.rint(idctn(kept, axes=(-2, -1), norm="ortho") + MIDDLE).clip(0.0, BYTE) * ((white - black) / BYTE)
        + black
    )
    back: Pictures = shades.transpose(0, 1, 4, 2, 5, 3).reshape(rows, high, wide, channels)
    return back[:, :height, :width]
