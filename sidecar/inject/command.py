"""`sidecar inject` and `sidecar uninject`: arguments, files, and what is said. Counterpart: `sidecar.cli`.

Either every workload in the file gets its sidecar or nothing is printed: a manifest that only looks injected
would go to a cluster.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from sidecar.errors import SidecarError, UsageError
from sidecar.inject import manifest, settings, workloads
from sidecar.inject.reasons import Json
from sidecar.inject.settings import Around
from sidecar.inject.workloads import Result

NATIVE_SINCE = (1, 29)


def add_arguments(parser: argparse.ArgumentParser, *, undo: bool) -> None:
    """The arguments of `sidecar inject`, or of `sidecar uninject` with `undo`."""
    add = parser.add_argument
    add(
        "-f",
        "--file",
        metavar="FILE",
        required=True,
        help="manifest to read, YAML or JSON; - is standard input",
    )
    add("--path", metavar="PATH", help="where the kind has its template, such as spec.worker.template")
    if undo:
        return
    add("--config", metavar="FILE", type=Path, help="what is settled for all pods, as YAML")
    add("--traffic", choices=("redirect", "service", "port"), help="for pods that do not say")
    add("--image", metavar="IMAGE", help="image of the sidecar")
    add(
        "--kubernetes",
        metavar="VERSION",
        default="1.29",
        help="of the cluster: before 1.29 the sidecar is an ordinary container [default: %(default)s]",
    )


def run(arguments: argparse.Namespace) -> int:
    """`sidecar inject`. Raises SidecarError unless everything could be injected."""
    around = Around(settings=_settled(arguments), native=native(arguments.kubernetes))
    return _passed(arguments, lambda thing: workloads.inject(thing, around, arguments.path), "injected")


def undo(arguments: argparse.Namespace) -> int:
    """`sidecar uninject`. Raises SidecarError for a status that was edited."""
    return _passed(arguments, lambda thing: workloads.uninject(thing, arguments.path), "put back")


def _passed(arguments: argparse.Namespace, change: workloads.Change, done: str) -> int:
    place, text = _text(arguments.file)
    things = manifest.read(text, place)
    results = [(thing, change(thing)) for thing in things]
    everything = [one for _, each in results for one in each]
    _refuse(place, everything, done)
    as_json = text.lstrip().startswith("{")
    whole: list[Json] = [workloads.whole(thing, each) for thing, each in results]
    sys.stdout.write(manifest.write(whole, as_json=as_json))
    for one in everything:
        if one.injection is not None:
            print(f"sidecar: {one.name}: {one.injection.outcome}: {one.injection.message}", file=sys.stderr)
    return 0


def _refuse(place: str, results: list[Result], done: str) -> None:
    """Raises SidecarError unless something was done and nothing was refused."""
    wrong = [
        f"{place}: {one.name}: {one.injection.message}"
        for one in results
        if one.injection is not None and one.injection.outcome in ("refused", "rejected")
    ]
    if wrong:
        raise SidecarError("\n".join(wrong))
    if not any(one.injection is not None for one in results):
        raise SidecarError(
            f"{place}: nothing was {done}: {', '.join(one.name for one in results) or 'it is empty'}"
        )


def _text(file: str) -> tuple[str, str]:
    place = "standard input" if file == "-" else file
    try:
        whole = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return place, whole.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SidecarError(f"{place}: {getattr(error, 'strerror', None) or error}") from error


def _settled(arguments: argparse.Namespace) -> settings.InjectSettings:
    settled = settings.read(arguments.config)
    if arguments.traffic:
        settled = msgspec.structs.replace(settled, traffic=arguments.traffic)
    return msgspec.structs.replace(settled, image=arguments.image) if arguments.image else settled


def native(version: str) -> bool:
    """Whether a cluster of this version knows native sidecars. Raises UsageError for what is no version."""
    try:
        major, minor = (int(part) for part in version.removeprefix("v").split(".")[:2])
    except ValueError:
        raise UsageError(f"--kubernetes {version}: expected a version such as 1.31") from None
    return (major, minor) >= NATIVE_SINCE
