"""A numpy archive: the matrix `X`, rows x columns, and the column names in `columns` if there are any.

Or images: `X` of rows x height x width, perhaps x channels, is the one column `image`.

Other arrays are ignored, also `y`: whether labelled outliers belong into a reference is for its owner to say,
by leaving them out of `X`.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidecar.errors import DataError


def read(file: Path) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """Columns of `X`: x0, x1, ... unless `columns` names them. Raises DataError naming the file, OSError."""
    try:
        with np.load(file, allow_pickle=False) as archive:
            ignored = sorted(set(archive.files) - {"X", "columns"})
            if "X" not in archive.files:
                raise DataError(f"{file}: has no array X; it holds {', '.join(archive.files) or 'nothing'}")
            matrix = archive["X"]
            names = [str(name) for name in archive["columns"]] if "columns" in archive.files else None
    except (ValueError, EOFError, MemoryError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{file}: not a numpy archive of plain arrays: {error}") from error
    except TypeError as error:  # np.load gives a bare array for a renamed .npy
        raise DataError(
            f"{file}: holds a single array, not an archive; save it with np.savez(file, X=...)"
        ) from error
    if matrix.ndim in (3, 4) and matrix.dtype.kind in "fiub" and names is None:
        return {"image": matrix}, [f"array {name!r} of {file.name} is not used" for name in ignored]
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiub":
        raise DataError(
            f"{file}: X is {matrix.dtype} of shape {matrix.shape}; it should be rows x columns of numbers"
        )
    names = names or [f"x{i}" for i in range(matrix.shape[1])]
    if len(set(names)) != matrix.shape[1]:
        raise DataError(
            f"{file}: X has {matrix.shape[1]} columns and `columns` {len(set(names))} different names"
        )
    columns = matrix.T if matrix.dtype == bool else matrix.T.astype(np.float64)
    notes = [f"array {name!r} of {file.name} is not used" for name in ignored]
    return dict(zip(names, columns, strict=True)), notes
