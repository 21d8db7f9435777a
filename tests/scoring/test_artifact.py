"""A baseline on disk: whole and unchanged, or refused with the file and the reason."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from sidecar.errors import BaselineError
from sidecar.scoring import artifact
from sidecar.scoring.artifact import ARRAYS, FORMAT, MANIFEST, Manifest
from sidecar.scoring.baseline import load
from tests.scoring.made import cardio

Spoil = Callable[[Path], None]


@pytest.fixture
def baseline(tmp_path: Path) -> Path:
    return Path(shutil.copytree(cardio("ecod", "iforest"), tmp_path / "baseline"))


# -- spoiling ----------------------------------------------------------------------------------------


def cut(name: str, share: float) -> Spoil:
    def spoil(directory: Path) -> None:
        file = directory / name
        whole = file.read_bytes()
        file.write_bytes(whole[: int(len(whole) * share)])

    return spoil


def flip_a_byte(directory: Path) -> None:
    file = directory / ARRAYS
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def edit(**changes: Any) -> Spoil:
    """Change the manifest as a text editor would: its checksum stays as it was."""

    def spoil(directory: Path) -> None:
        file = directory / MANIFEST
        file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))

    return spoil


def forge(change: Callable[[dict[str, Any], dict[str, np.ndarray]], None]) -> Spoil:
    """Change manifest and arrays and make every checksum right again: a bug, or malice."""

    def spoil(directory: Path) -> None:
        manifest = json.loads((directory / MANIFEST).read_text())
        with np.load(directory / ARRAYS) as archive:
            arrays = {name: archive[name] for name in archive.files}
        change(manifest, arrays)
        packed = io.BytesIO()
        np.savez(packed, **arrays)
        (directory / ARRAYS).write_bytes(packed.getvalue())
        manifest |= {"arrays": hashlib.sha256(packed.getvalue()).hexdigest(), "digest": ""}
        whole = msgspec.convert(manifest, Manifest)
        manifest["digest"] = hashlib.sha256(msgspec.json.encode(whole)).hexdigest()
        (directory / MANIFEST).write_text(json.dumps(manifest))

    return spoil


def forge_packed(change: Callable[[bytes], bytes]) -> Spoil:
    """Change the archive itself, and make every checksum right again."""

    def spoil(directory: Path) -> None:
        manifest = json.loads((directory / MANIFEST).read_text())
        packed = change((directory / ARRAYS).read_bytes())
        (directory / ARRAYS).write_bytes(packed)
        manifest |= {"arrays": hashlib.sha256(packed).hexdigest(), "digest": ""}
        manifest["digest"] = hashlib.sha256(msgspec.json.encode(manifest)).hexdigest()
        (directory / MANIFEST).write_text(json.dumps(manifest))

    return spoil


def archived(packed: bytes, name: str, content: bytes) -> bytes:
    """An archive with one file more."""
    out = io.BytesIO(packed)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


def compressed(packed: bytes, content: bytes) -> bytes:
    """The largest of the compressed files with other bytes in it."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        largest = max(archive.infolist(), key=lambda member: member.compress_size)
    start = largest.header_offset + 30 + len(largest.filename) + 20 + 100  # heads of two kinds, and a little
    return packed[:start] + content + packed[start + len(content) :]


def claiming(shape: str) -> bytes:
    """An archive of one array that is said to be of this shape, and has hardly a byte."""
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little")
    return archived(b"", "typical.npy", start + header + bytes(16))


def change_array(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Spoil:
    return forge(lambda manifest, arrays: arrays.update({name: change(arrays[name])}))


def with_nan(array: np.ndarray) -> np.ndarray:
    return np.where(np.arange(array.size) == 1, np.nan, array)


def rename_detector(manifest: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    manifest["detectors"][0]["name"] = manifest["detectors"][0]["wanted"] = "crystal-ball"


def drop_a_field(manifest: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    manifest["schema"].pop()


def drop_a_field_twice(manifest: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    manifest["schema"].pop()
    manifest["reference"].pop()


SPOILED: dict[str, tuple[Spoil, str]] = {
    "no directory": (
        lambda directory: shutil.rmtree(directory),
        r"no such directory; `sidecar fit` makes one",
    ),
    "no manifest": (lambda directory: (directory / MANIFEST).unlink(), r"manifest\.json: is missing"),
    "no arrays": (lambda directory: (directory / ARRAYS).unlink(), r"arrays\.npz: is missing"),
    "manifest empty": (cut(MANIFEST, 0), r"manifest\.json: not JSON, perhaps cut short"),
    "manifest cut short": (cut(MANIFEST, 0.7), r"manifest\.json: not JSON, perhaps cut short"),
    "manifest edited": (edit(created="2020-01-01"), r"manifest\.json: its checksum does not fit its content"),
    "manifest of something else": (lambda d: (d / MANIFEST).write_text("[1]"), "not a baseline's manifest"),
    "manifest with a strange key": (edit(trusted=True), "not a baseline's manifest: .*trusted"),
    "manifest without a key": (
        lambda d: (d / MANIFEST).write_text('{"format": 1}'),
        "missing required field",
    ),
    "newer format": (
        edit(format=FORMAT + 1, novelty="?"),
        f"format {FORMAT + 1}, and this sidecar reads up to {FORMAT}",
    ),
    "arrays empty": (cut(ARRAYS, 0), r"arrays\.npz: its checksum is not the one in manifest\.json"),
    "arrays cut short": (cut(ARRAYS, 0.9), r"arrays\.npz: its checksum is not the one in manifest\.json"),
    "arrays with a byte flipped": (
        flip_a_byte,
        r"arrays\.npz: its checksum is not the one in manifest\.json",
    ),
    "unknown detector": (
        forge(rename_detector),
        r"detector 'crystal-ball' is not known .*which has ecod, iforest",
    ),
    "unknown combination": (
        forge(lambda m, a: m.update(combination="vote")),
        "combination 'vote' is not known",
    ),
    "no detectors": (forge(lambda m, a: m.update(detectors=[])), "no detectors"),
    "another schema": (forge(drop_a_field), "describes other fields than the schema"),
    "another schema, twice": (
        forge(drop_a_field_twice),
        r"arrays\.npz: detector ecod: array 'lengths' has shape",
    ),
    "NaN": (change_array("ecod/cuts", with_nan), r"arrays\.npz: array 'ecod/cuts' holds NaN or infinity"),
    "infinity": (change_array("typical", lambda a: a + np.inf), "array 'typical' holds NaN or infinity"),
    "wrong shape": (
        change_array("ecod/heights", lambda a: a[:-1]),
        "detector ecod: array 'heights' has shape",
    ),
    "wrong type": (change_array("iforest/left", lambda a: a.astype(float)), "array 'left' holds float64"),
    "an array lost": (forge(lambda m, a: a.pop("iforest/path")), "detector iforest: array 'path' is missing"),
    "no calibration": (change_array("ecod/calibration", lambda a: a[:0]), "non-empty list of finite numbers"),
    "no zip": (forge_packed(lambda packed: packed[:100]), "not a numpy archive of plain numbers"),
    "compressed bytes that are none": (
        forge_packed(lambda packed: compressed(packed, b"\xff" * 64)),
        r"arrays\.npz: not a numpy archive of plain numbers: .*decompressing",
    ),
    "more than there is": (forge_packed(lambda packed: claiming("(2000000000000,)")), "not a numpy archive"),
    "a header that does not end": (forge_packed(lambda packed: claiming("((((")), "not a numpy archive"),
    "another file among them": (
        forge_packed(lambda packed: archived(packed, "../../evil.txt", b"x")),
        r"'\.\./\.\./evil\.txt' is no array",
    ),
    "a bomb": (
        forge_packed(lambda packed: archived(packed, "zeros.npy", bytes(2_000_000))),
        r"it unpacks to \d+ bytes, and at most 1000000 are read",
    ),
    "pickled objects": (
        change_array("spread", lambda a: a.astype(object)),
        r"arrays\.npz: not a numpy archive of plain",
    ),
}


@pytest.mark.parametrize("case", SPOILED)
def test_what_is_not_whole_and_unchanged_is_refused(baseline, case, monkeypatch):
    spoil, message = SPOILED[case]
    load(baseline)
    spoil(baseline)
    if case == "a bomb":  # a smaller one does for a test
        monkeypatch.setattr(artifact, "MOST_BYTES", 1_000_000)
    with pytest.raises(BaselineError, match=message) as refusal:
        load(baseline)
    assert str(refusal.value).startswith(str(baseline))


def test_a_directory_that_may_not_be_read_is_refused(baseline):
    (baseline / ARRAYS).unlink()
    (baseline / ARRAYS).mkdir()
    with pytest.raises(BaselineError, match=r"arrays\.npz: cannot be read"):
        load(baseline)


# -- writing -----------------------------------------------------------------------------------------


def test_written_and_read_it_is_the_same(baseline, tmp_path):
    manifest, arrays = artifact.read(baseline)
    written = artifact.write(tmp_path / "deep" / "copy", manifest, arrays, replace=False)
    again, same = artifact.read(tmp_path / "deep" / "copy")
    assert written == again == manifest
    assert all((same[name] == array).all() for name, array in arrays.items())
    assert sorted(path.name for path in (tmp_path / "deep").iterdir()) == ["copy"]


def test_what_is_there_is_replaced_only_when_asked_and_only_a_baseline(baseline, tmp_path):
    manifest, arrays = artifact.read(baseline)
    changed = msgspec.structs.replace(manifest, source="other.csv")
    with pytest.raises(BaselineError, match="exists already"):
        artifact.write(baseline, changed, arrays, replace=False)
    artifact.write(baseline, changed, arrays, replace=True)
    assert artifact.read(baseline)[0].source == "other.csv"
    (tmp_path / "precious").mkdir()
    with pytest.raises(BaselineError, match="is not a baseline, so it is not replaced"):
        artifact.write(tmp_path / "precious", changed, arrays, replace=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["baseline", "precious"]


def test_what_a_symbolic_link_leads_to_is_replaced(baseline, tmp_path):
    manifest, arrays = artifact.read(baseline)
    (tmp_path / "current").symlink_to("baseline")
    changed = msgspec.structs.replace(manifest, source="other.csv")
    artifact.write(tmp_path / "current", changed, arrays, replace=True)
    assert artifact.read(baseline)[0].source == "other.csv"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["baseline", "current"]


def test_what_could_not_be_read_replaces_nothing(baseline):
    manifest, arrays = artifact.read(baseline)
    first = next(iter(arrays))
    broken = {**arrays, first: arrays[first].astype(float) * np.nan}
    with pytest.raises(BaselineError, match="holds NaN or infinity"):
        artifact.write(baseline, manifest, broken, replace=True)
    assert artifact.read(baseline)[0] == manifest
    assert [path.name for path in baseline.parent.iterdir()] == [baseline.name]


def test_a_write_that_fails_leaves_what_was_there(baseline, tmp_path, monkeypatch):
    manifest, arrays = artifact.read(baseline)

    def full(file: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(artifact, "_store", full)
    with pytest.raises(BaselineError, match="cannot be written: No space left on device"):
        artifact.write(baseline, manifest, arrays, replace=True)
    monkeypatch.undo()
    assert artifact.read(baseline)[0] == manifest
    assert [path.name for path in tmp_path.iterdir()] == ["baseline"]


def test_a_place_that_cannot_be_is_refused(baseline, tmp_path):
    manifest, arrays = artifact.read(baseline)
    (tmp_path / "file").write_text("")
    with pytest.raises(BaselineError, match="cannot be written"):
        artifact.write(tmp_path / "file" / "baseline", manifest, arrays, replace=False)
