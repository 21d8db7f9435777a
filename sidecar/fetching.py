"""A baseline from a URL: fetched once at the start, checked by its digest, and from then on a directory.

    s3://models/fraud/3#sha256=4f0c...      the digest in manifest.json, which `sidecar_baseline_info` shows

Any URL that fsspec reads; the two files of a baseline lie below it. A process of its own fetches it, so that
the supervisor stays small. With a run directory that outlives the process a baseline with a digest is fetched
once and for all, and a restart needs no network. Counterparts: `sidecar.cli` asks; `sidecar.scoring.artifact`
checks it byte by byte when it is loaded.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import msgspec

from sidecar.errors import SidecarError, UsageError
from sidecar.settings import Settings

FILES = ("manifest.json", "arrays.npz")
LARGEST = 512 * 1024 * 1024
"""Bytes of a file that are fetched at most."""

PATIENCE = 300.0
"""Seconds for a whole baseline."""


class Place(NamedTuple):
    """Where a baseline is, and the digest its manifest must carry; empty: any."""

    url: str
    digest: str


def place(text: str) -> Place:
    """Read the setting. Raises UsageError for a digest that is none."""
    url, mark, digest = text.partition("#")
    if not mark:
        return Place(url, "")
    found = re.fullmatch(r"sha256=([0-9a-f]{12,64})", digest)
    if not found:
        raise UsageError(f"baseline {text}: after # expected sha256= and 12 to 64 digits of the digest")
    return Place(url, found[1])


class Fetched:
    """The baselines that were fetched, as a context: what lies in no run directory goes with it."""

    def __init__(self) -> None:
        self._own: Path | None = None
        self._there: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)

    def local(self, settings: Settings) -> Settings:
        """The settings with a directory for a baseline. Raises SidecarError when it can't be fetched."""
        if "://" not in settings.baseline:
            return settings
        import hashlib  # late: OpenSSL comes with it, and the supervisor stays

        wanted = place(settings.baseline)
        if settings.baseline not in self._there:
            name = f"fetched-{hashlib.sha256(settings.baseline.encode()).hexdigest()[:16]}"
            directory = self._folder(settings) / name
            if not (wanted.digest and _is(directory, wanted.digest)):
                _fetch(settings.baseline, directory)
            self._there[settings.baseline] = str(directory)
        return msgspec.structs.replace(settings, baseline=self._there[settings.baseline])

    def _folder(self, settings: Settings) -> Path:
        if settings.run_dir:
            return Path(settings.run_dir)
        if self._own is None:
            self._own = Path(tempfile.mkdtemp(prefix="sidecar-baseline-"))
        return self._own


def digest_of(directory: Path) -> str:
    """The digest in a baseline's manifest; empty when there is none."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        manifest: Any = msgspec.json.decode((directory / FILES[0]).read_bytes())
        if isinstance(manifest, dict):
            return str(manifest.get("digest") or "")
    return ""


def _is(directory: Path, digest: str) -> bool:
    return all((directory / name).is_file() for name in FILES) and digest_of(directory).startswith(digest)


def _fetch(text: str, directory: Path) -> None:
    """In a process of its own."""
    command = [sys.executable, "-m", "sidecar.fetching", text, str(directory)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    except subprocess.TimeoutExpired as error:
        raise SidecarError(f"baseline {_shown(text)}: not fetched within {PATIENCE:g} s") from error
    if done.returncode:
        raise SidecarError(done.stderr.strip().rpartition("\n")[2])


def fetch(text: str, directory: Path) -> None:
    """Fetch a baseline's files, check its digest, and put it in place as a whole. Raises SidecarError."""
    wanted = place(text)
    try:
        import fsspec
    except ModuleNotFoundError as error:
        raise SidecarError(
            f"baseline {_shown(text)}: needs fsspec; install sidecar with its extra `capture`,"
            " in the checkout: pip install '.[capture]'"
        ) from error
    directory.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".fetching-", dir=directory.parent))
    try:
        for name in FILES:
            _copy(fsspec, f"{wanted.url.rstrip('/')}/{name}", fresh / name)
        found = digest_of(fresh)
        if wanted.digest and not found.startswith(wanted.digest):
            raise SidecarError(
                f"baseline {_shown(text)}: its digest is {found[:12] or 'none'}..., not"
                f" {wanted.digest[:12]}...: it is another baseline, or was exchanged"
            )
        shutil.rmtree(directory, ignore_errors=True)
        fresh.rename(directory)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _copy(fsspec: Any, url: str, to: Path) -> None:
    try:
        with fsspec.open(url, "rb") as source, to.open("wb") as file:
            while piece := source.read(1024 * 1024):
                file.write(piece)
                if file.tell() > LARGEST:
                    raise SidecarError(f"baseline {_shown(url)}: is larger than {LARGEST} bytes")
    except SidecarError:
        raise
    except Exception as error:  # whatever a file system's package raises
        said = str(error) or type(error).__name__
        raise SidecarError(_shown(f"baseline {url}: cannot be fetched: {said}")) from error


def _shown(text: str) -> str:
    """Without the user and password of a URL."""
    return re.sub(r"://[^/@\s]*@", "://", text)


if __name__ == "__main__":
    try:
        fetch(sys.argv[1], Path(sys.argv[2]))
    except SidecarError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        sys.exit(1)
