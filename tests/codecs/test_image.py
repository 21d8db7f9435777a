"""Images against Pillow's writer: every mode, limits before decoding, end marks, and no Pillow at all."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from sidecar.codecs import image
from sidecar.codecs.image import read
from sidecar.errors import Undecodable
from tests.codecs.samples import drawn

PNG, JPEG = ((b"content-type", b"image/png"),), ((b"content-type", b"image/jpeg"),)


def written(picture: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


def refused(body: bytes) -> str:
    with pytest.raises(Undecodable) as error:
        read(PNG, body)
    return str(error.value)


@pytest.mark.parametrize(
    ("mode", "shape", "dtype"),
    [
        ("1", (1, 6, 5), "uint8"),
        ("L", (1, 6, 5), "uint8"),
        ("LA", (1, 6, 5, 2), "uint8"),
        ("RGB", (1, 6, 5, 3), "uint8"),
        ("RGBA", (1, 6, 5, 4), "uint8"),
        ("P", (1, 6, 5, 3), "uint8"),
        ("I;16", (1, 6, 5), "uint16"),
    ],
)
def test_modes_of_png(mode: str, shape: tuple[int, ...], dtype: str) -> None:
    picture = Image.new(mode, (5, 6), 1)
    data = read(PNG, written(picture, "PNG"))[0].data
    assert data.shape == shape
    assert data.dtype == dtype
    expected = np.asarray(picture.convert({"1": "L", "P": "RGB"}.get(mode, mode)))
    np.testing.assert_array_equal(data[0], expected)


@pytest.mark.parametrize(
    ("mode", "shape"), [("L", (1, 16, 8)), ("RGB", (1, 16, 8, 3)), ("CMYK", (1, 16, 8, 3))]
)
def test_modes_of_jpeg(mode: str, shape: tuple[int, ...]) -> None:
    assert read(JPEG, written(Image.new(mode, (8, 16)), "JPEG"))[0].data.shape == shape


def test_too_large_is_known_before_a_pixel_is_decoded() -> None:
    body = written(Image.new("L", (10_000, 10_000)), "PNG")
    tracemalloc.start()
    assert refused(body) == "image-too-large"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000  # 100 MB of pixels, of which Pillow alone would only warn
    side = 2048
    assert side * side == image.MAX_PIXELS
    assert read(PNG, written(Image.new("1", (side, side)), "PNG"))[0].data.shape == (1, side, side)


def test_a_size_that_lies() -> None:
    body = bytearray(drawn(np.zeros((4, 4), dtype=np.uint8), "PNG"))
    body[16:24] = struct.pack(">II", 1000, 1000)
    body[29:33] = struct.pack(">I", zlib.crc32(body[12:29]))
    assert refused(bytes(body)) == "malformed-png"


@pytest.mark.parametrize("body", [b"GIF89a", b"", b"\x89PNG", b"\xff\xd8", b"<svg/>"])
def test_other_formats(body: bytes) -> None:
    assert refused(body) == "not-an-image"


def test_garbage_between_the_marks() -> None:
    for kind, mark in (("png", b"\x89PNG\r\n\x1a\n"), ("jpeg", b"\xff\xd8\xff")):
        end = b"\x00\x00\x00\x00IEND\xaeB`\x82" if kind == "png" else b"\xff\xd9"
        assert refused(mark + b"x" * 100 + end) == f"malformed-{kind}"


def test_pillow_is_not_imported_before_it_is_needed_and_its_lack_is_said() -> None:
    program = """
import sys
from sidecar import codecs
assert not any(name.partition(".")[0] == "PIL" for name in sys.modules)
sys.modules["PIL"] = None
from sidecar.errors import Undecodable
from sidecar.exchange import Request
body = sys.stdin.buffer.read()
request = Request("POST", "/", ((b"content-type", b"image/png"),), body)
try:
    codecs.choose(request).decode(request)
except Undecodable as error:
    print(error)
"""
    body = drawn(np.zeros((2, 2), dtype=np.uint8), "PNG")
    done = subprocess.run([sys.executable, "-c", program], input=body, capture_output=True, check=True)
    assert done.stdout.strip() == b"pillow-missing"
