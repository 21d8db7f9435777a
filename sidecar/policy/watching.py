"""Watches the files of policies and has them checked when they change. Runs in the supervisor.

Nothing is parsed here. The files are looked at, not listened to: a `stat` of each ten times a second costs
nothing, sees the swapped symlink of a ConfigMap as it sees an editor's rename, and works on every file
system. Counterpart: `sidecar.policy.compiling`, which this starts.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, TypeAlias

from sidecar.errors import UsageError

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.1
"""How often the files are looked at."""

AGAIN_SECONDS = 5.0
"""After a check that could not even be started: for want of memory, perhaps, which may be there again."""

Look: TypeAlias = tuple[tuple[str, int, int, int], ...]
"""Name, inode, size and time of change of each file."""


def look(path: Path) -> Look:
    """What the files are like now; empty when they cannot be seen."""
    try:
        if not path.is_dir():
            return (_one(path),)
        found = [one for one in path.iterdir() if one.suffix in (".yaml", ".yml") and one.name[0] != "."]
        return tuple(sorted(map(_one, found)))
    except OSError:
        return ()


def _one(file: Path) -> tuple[str, int, int, int]:
    found = file.stat()  # of what a symlink leads to
    return file.name, found.st_ino, found.st_size, found.st_mtime_ns


class Watching:
    """The policies of one `sidecar run`: what they were when last checked, and the check that is under
    way."""

    def __init__(self, path: Path, run_dir: Path) -> None:
        self._command = [sys.executable, "-m", "sidecar.policy.compiling", str(path), str(run_dir)]
        self._path = path
        self._run_dir = run_dir
        self._seen: Look = ()
        self._checked: Look = ()
        self._process: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None
        """What the check prints, in a file: a pipe that nobody reads meanwhile would hold up a check that has
        much to say, and with it every change to come."""
        self._not_before = 0.0

    def first(self) -> None:
        """Check and hand over before anything starts. Raises UsageError with all that is wrong."""
        self._checked = self._seen = look(self._path)
        done = subprocess.run(self._command, capture_output=True, check=False)
        said = _said(done.stdout)
        if done.returncode:
            last_words = done.stderr.decode().strip().rpartition("\n")[2]
            raise UsageError("\n".join(said["errors"]) or f"policy {self._path}: {last_words}")
        for warning in said["warnings"]:
            log.warning("policy: %s", warning)

    def tend(self) -> None:
        """Look at the files, and have them checked once they have stayed the same for a moment: one that is
        being written is half a file."""
        if self._process is not None:
            if self._process.poll() is None:
                return
            ended, self._process = self._process, None
            self._tell(ended)
        seen = look(self._path)
        if seen == self._seen != self._checked and time.monotonic() >= self._not_before:
            try:
                self._check()
                self._checked = seen
            except OSError as error:
                self._not_before = time.monotonic() + AGAIN_SECONDS
                log.error("policies not changed, the old ones stay: they cannot be checked: %s", error)
        self._seen = seen

    def _check(self) -> None:
        """Start a check. Raises OSError."""
        output = tempfile.TemporaryFile()  # noqa: SIM115  closed by `_tell` or `close`
        try:
            self._process = subprocess.Popen(self._command, stdout=output)
        except OSError:
            output.close()
            raise
        self._output = output

    def close(self) -> None:
        """End a check that is under way."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._output is not None:
            self._output.close()

    def _tell(self, process: subprocess.Popen[bytes]) -> None:
        assert self._output is not None
        with self._output as output:
            output.seek(0)
            said = _said(output.read())
        for warning in said["warnings"]:
            log.warning("policy: %s", warning)
        if process.returncode == 0:
            log.info("policies changed: %s", said["digest"])
        else:
            if not said["errors"]:
                said["errors"] = [f"the check of {self._path} ended with status {process.returncode}"]
                self._leave_word(said["errors"])
            log.error("policies not changed, the old ones stay: %s", "; ".join(said["errors"]))

    def _leave_word(self, errors: list[str]) -> None:
        """Say in the place of a check that could not that the files as they are now are not in force."""
        import msgspec  # late, as all that a supervisor hardly ever needs

        from sidecar.policy import handing

        before = handing.status(self._run_dir)
        refused = msgspec.structs.replace(
            before, refused=before.refused + 1, refused_at=time.time(), errors=tuple(errors)
        )
        try:
            handing.write(self._run_dir, handing.STATUS, refused)
        except OSError as error:
            log.error("it cannot be said in %s that policies were refused: %s", self._run_dir, error)


def _said(line: bytes) -> dict[str, list[str]]:
    """What a check printed, or nothing where it came to no end."""
    try:
        return dict(json.loads(line))
    except ValueError:
        return {"digest": [], "errors": [], "warnings": []}
