"""PNG and JPEG bodies: one row, its pixels as the model's own decoder would give them (no rotation by EXIF).

Pillow is imported by the first image. Only its PNG and JPEG readers are used, by name, so that no
body reaches one of its rarer parsers. Size is read from the image's header and limited before a pixel
is decoded. Both files have an end mark, and without it an image is truncated.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidecar.codecs.codec import media_type
from sidecar.errors import Undecodable
from sidecar.exchange import Headers, Tensor

MAX_PIXELS = 2048 * 2048
"""Decoding that many takes some 40 ms, which is as long as scoring may keep other calls waiting."""

_MEDIA = (b"image/png", b"image/jpeg", b"image/jpg")
_START = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff"}
_END = {"png": b"\x00\x00\x00\x00IEND\xaeB`\x82", "jpeg": b"\xff\xd9"}

_MODES = {"1": "L", "P": "RGB", "PA": "RGBA", "CMYK": "RGB", "YCbCr": "RGB", "LAB": "RGB"}
"""Modes whose stored values are no intensities, and what they are turned into."""


def matches(headers: Headers) -> bool:
    return media_type(headers) in _MEDIA


def read(headers: Headers, body: bytes) -> tuple[Tensor, ...]:
    """Shape (1, height, width) for grey, (1, height, width, channels) for colour; uint8, wider for 16 bits.

    Raises Undecodable `not-an-image`, `truncated`, `image-too-large`, `malformed-png`, `malformed-jpeg`,
    `pillow-missing`.
    """
    kind = next((kind for kind, start in _START.items() if body.startswith(start)), None)
    if kind is None:
        raise Undecodable("not-an-image")
    if not body.endswith(_END[kind]):
        raise Undecodable("truncated")
    return (Tensor("image", _pixels(kind, body)[np.newaxis]),)


def _pixels(kind: str, body: bytes) -> NDArray[Any]:
    try:
        from PIL.JpegImagePlugin import JpegImageFile
        from PIL.PngImagePlugin import PngImageFile
    except ImportError as error:
        raise Undecodable("pillow-missing") from error
    try:
        image = (PngImageFile if kind == "png" else JpegImageFile)(io.BytesIO(body))
        if image.width * image.height > MAX_PIXELS:
            raise Undecodable("image-too-large")
        return np.asarray(image.convert(_MODES[image.mode]) if image.mode in _MODES else image)
    except Undecodable:
        raise
    except Exception as error:  # Pillow's parsers raise OSError, SyntaxError, struct.error and more
        raise Undecodable(f"malformed-{kind}") from error
