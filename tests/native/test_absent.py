"""Where C is not built, everything is left to Python."""

from __future__ import annotations

import math

from sidecar.native import absent


def test_nothing_is_known() -> None:
    assert absent.numbers(b'{"instances": [[1.5]]}', b"instances", 1) is None
    assert math.isnan(absent.Steps((), (), ()).score(b""))
