"""A baseline on disk: a directory with `manifest.json` (what a person may read) and `arrays.npz` (numbers).

The manifest carries the checksum of the arrays and its own, so that a baseline cut short or edited is refused
rather than believed. Nothing in it is code: no pickle, no expression. Writing is all or nothing: a directory
is filled beside its place and then moved there. Written by `sidecar.baseline.fit`, read by
`sidecar.scoring.baseline.load`.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from sidecar.errors import BaselineError
from sidecar.features import Field, Reading
from sidecar.features.texts import TABLE_BYTES, TextReading
from sidecar.labels.prediction import Roles
from sidecar.scoring.bins import ReferenceField
from sidecar.scoring.detector import Arrays, need

FORMAT = 2
"""Goes up when an older sidecar could misread what is written."""

MANIFEST = "manifest.json"
ARRAYS = "arrays.npz"

MOST_BYTES = 2**31
"""Of all arrays: a hundred times what twenty detectors of a million training values take."""

ROWS = "apart/rows"
"""The array of rows that detectors of the worker are fitted on, as detectors see them."""

CHECKS = "apart/checks"
"""The array of rows that the worker tries its detectors with."""

CHECKED = "checked"
"""Of each detector of the worker: its scores of those rows, as far as they are numbers."""

CHECKED_ROWS = "checked-rows"
"""Beside it: which of the rows these are."""


class Fitted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One detector: its name, PyOD's parameters, and how far the compiled scores were from PyOD's.

    `difference` is the largest relative difference over `compared` rows, each scored by PyOD alone. `wanted`
    is the detector as it was asked for (`sidecar.wanted`). `apart`: it has no compiled form, and PyOD's
    worker fits it on the first `rows` stored rows; `alone`: row by row, because the others of a batch would
    change its score.
    """

    name: str
    parameters: dict[str, Any]
    difference: float
    compared: int
    wanted: str = ""
    apart: bool = False
    alone: bool = False
    rows: int = 0

    @property
    def detector(self) -> str:
        """Which detector it is: its name, unless there is a second of its kind."""
        return self.wanted.partition("(")[0] or self.name


class Split(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many rows went where, after a shuffle with `seed`.

    `fit` trained the detectors, `standard` gave their scores one scale, `calibration` gave p-values;
    `left_out` could not be scored. Rows beyond what any of the three can use were not used.
    """

    seed: int
    rows: int
    left_out: int
    fit: int
    standard: int
    calibration: int


class Validation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How good the model was on `rows` of the data whose truth is known.

    `roles` says which of `outputs` are the prediction; `measures` has each metric's value, and the ends of
    its interval of 95 %.
    """

    outputs: tuple[str, ...]
    roles: Roles
    rows: int
    measures: dict[str, tuple[float, float, float]]


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything about a baseline but its numbers. `arrays` and `digest` are SHA-256 in hex."""

    format: int
    created: str
    sidecar: str
    pyod: str
    source: str
    schema: tuple[Field, ...]
    detectors: tuple[Fitted, ...]
    combination: str
    split: Split
    reference: tuple[ReferenceField, ...]
    arrays: str = ""
    digest: str = ""
    readings: tuple[Reading, ...] = ()
    answers: tuple[Field, ...] = ()
    pixels: str = ""
    """How the fields form a picture: `sidecar.defence.pixels`."""
    validation: Validation | None = None


def check_place(directory: Path, *, replace: bool) -> None:
    """Raises BaselineError when there is something at `directory`, unless it is a baseline to `replace`."""
    if directory.exists() and not replace:
        raise BaselineError(f"{directory}: exists already; choose another directory, or say --force")
    if directory.exists() and not (directory / MANIFEST).is_file():
        raise BaselineError(f"{directory}: is not a baseline, so it is not replaced")


def write(directory: Path, manifest: Manifest, arrays: Arrays, *, replace: bool) -> Manifest:
    """Write a baseline. Returns the manifest with its checksums.

    A reader sees the old baseline or the new one, for a moment between them none; half of one and half of
    the other is refused by its checksums. Where `directory` is a symbolic link, what it leads to is
    replaced. Raises BaselineError as `check_place` does, and when the directory cannot be written.
    """
    check_place(directory, replace=replace)
    named, directory = directory, directory.resolve()
    readings = manifest.readings
    manifest, tables = _without_tables(manifest)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays, **tables)
    packed = buffer.getvalue()
    manifest = msgspec.structs.replace(manifest, arrays=hashlib.sha256(packed).hexdigest(), digest="")
    manifest = msgspec.structs.replace(manifest, digest=_digest(manifest))
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
        try:
            _store(fresh / ARRAYS, packed)
            _store(fresh / MANIFEST, text + b"\n")
            fresh.chmod(0o755)
            read(fresh)  # what nobody could read replaces nothing
            _move(fresh, directory)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
    except OSError as error:
        raise BaselineError(f"{named}: cannot be written: {error.strerror or error}") from error
    return msgspec.structs.replace(manifest, readings=readings)


def read(directory: Path) -> tuple[Manifest, Arrays]:
    """Read a baseline. Raises BaselineError, naming file and reason, unless it is whole and unchanged."""
    manifest = _read_manifest(directory / MANIFEST, _bytes(directory, MANIFEST))
    packed = _bytes(directory, ARRAYS)
    if hashlib.sha256(packed).hexdigest() != manifest.arrays:
        raise BaselineError(
            f"{directory / ARRAYS}: its checksum is not the one in {MANIFEST}:"
            " it was cut short, edited or exchanged; fit again"
        )
    arrays = _unpack(directory / ARRAYS, packed)
    return _with_tables(directory / ARRAYS, manifest, arrays), arrays


def _read_manifest(file: Path, text: bytes) -> Manifest:
    try:
        version = msgspec.json.decode(text, type=_Version).format
        if version > FORMAT:
            raise BaselineError(
                f"{file}: format {version}, and this sidecar reads up to {FORMAT}: upgrade it, or fit again"
            )
        manifest = msgspec.json.decode(text, type=Manifest)
    except msgspec.ValidationError as error:
        raise BaselineError(f"{file}: not a baseline's manifest: {error}") from error
    except (ValueError, RecursionError) as error:  # also of text that is not UTF-8
        raise BaselineError(f"{file}: not JSON, perhaps cut short: {error}") from error
    if _digest_of(text) != manifest.digest:
        raise BaselineError(f"{file}: its checksum does not fit its content: it was edited; fit again")
    return manifest


def _without_tables(manifest: Manifest) -> tuple[Manifest, Arrays]:
    """Tables of readings are numbers, so they go where numbers are."""
    tables: Arrays = {}
    readings: list[Reading] = []
    for place, reading in enumerate(manifest.readings):
        if isinstance(reading, TextReading):
            tables[_TABLE.format(place)] = np.frombuffer(reading.table, np.uint8)
            reading = TextReading(reading.column)
        readings.append(reading)
    return msgspec.structs.replace(manifest, readings=tuple(readings)), tables


def _with_tables(file: Path, manifest: Manifest, arrays: Arrays) -> Manifest:
    readings: list[Reading] = []
    for place, reading in enumerate(manifest.readings):
        if isinstance(reading, TextReading):
            try:
                table = need(arrays, _TABLE.format(place), np.uint8, TABLE_BYTES)
            except ValueError as error:
                raise BaselineError(f"{file}: {error}") from error
            reading = TextReading(reading.column, table.tobytes())
        readings.append(reading)
    return msgspec.structs.replace(manifest, readings=tuple(readings))


_TABLE = "reading/{}/table"


class _Version(msgspec.Struct):
    format: int


def _digest(manifest: Manifest) -> str:
    return _digest_of(msgspec.json.encode(manifest))


def _digest_of(text: bytes) -> str:
    """The checksum of a manifest as it was written: one from before a field was invented keeps its own."""
    plain = msgspec.json.decode(text)
    return hashlib.sha256(msgspec.json.encode({**plain, "digest": ""})).hexdigest()


def _bytes(directory: Path, name: str) -> bytes:
    if not directory.is_dir():
        raise BaselineError(f"{directory}: no such directory; `sidecar fit` makes one")
    try:
        return (directory / name).read_bytes()
    except FileNotFoundError:
        raise BaselineError(
            f"{directory / name}: is missing; a baseline has {MANIFEST} and {ARRAYS}"
        ) from None
    except OSError as error:
        raise BaselineError(f"{directory / name}: cannot be read: {error.strerror or error}") from error


def _unpack(file: Path, packed: bytes) -> Arrays:
    try:
        with np.load(io.BytesIO(packed), allow_pickle=False) as archive:
            size = sum(one.file_size for one in archive.zip.infolist())
            if size > MOST_BYTES:
                raise ValueError(f"it unpacks to {size} bytes, and at most {MOST_BYTES} are read")
            arrays = {name: archive[name] for name in archive.files}
        if other := [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]:
            raise ValueError(f"{other[0]!r} is no array")
    except Exception as error:  # zlib's, tokenize's and more: what they make of such bytes is anybody's guess
        raise BaselineError(f"{file}: not a numpy archive of plain numbers: {str(error)[:200]}") from error
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise BaselineError(f"{file}: array {name!r} holds NaN or infinity")
    return arrays


def _store(file: Path, content: bytes) -> None:
    with file.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())


def _move(fresh: Path, directory: Path) -> None:
    """Put `fresh` in the place of `directory`; what was there goes only when the new one stands."""
    if not directory.exists():
        fresh.rename(directory)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{directory.name}.old.", dir=directory.parent))
    directory.rename(old)
    fresh.rename(directory)
    shutil.rmtree(old, ignore_errors=True)
