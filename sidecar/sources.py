"""Where settings come from: flags, environment, a YAML file; and how what is wrong is refused.

A flag wins over the environment, the environment over the file, the file over the default. Every value is
checked, also one that is overruled, and everything that is wrong is told at once, each with its place and
what would be right. Counterparts: `sidecar.settings` says what there is, `sidecar.values` reads the text.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from sidecar.errors import UsageError
from sidecar.labels.said import said
from sidecar.manual import Setting, described
from sidecar.settings import Settings
from sidecar.values import host_port, read

if TYPE_CHECKING:
    from yaml.nodes import Node

NOT_SETTINGS = (
    ("SIDECAR_CONFIG", ".*", "names the file of settings"),
    (r"SIDECAR_TEST_\w+", ".*", "belongs to the test suite"),
    # Kubernetes tells every pod of every Service; one called sidecar, or sidecar-webhook, has our prefix.
    (r"SIDECAR_(\w+_)?SERVICE_HOST", ".*", "set by Kubernetes"),
    (r"SIDECAR_(\w+_)?SERVICE_PORT(_\w+)?", "[0-9]+", "set by Kubernetes"),
    (r"SIDECAR_(\w+_)?PORT", "(tcp|udp|sctp)://.*", "set by Kubernetes"),
    (r"SIDECAR_(\w+_)?PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?", ".*", "set by Kubernetes"),
)
"""Variables with our prefix that are no settings: patterns of name and value, and the reason."""


class Given(NamedTuple):
    """One setting as it was given: where, which, and its text."""

    place: str
    setting: Setting
    text: str


class Wrong(NamedTuple):
    """One thing that is wrong, as a whole sentence with its place."""

    sentence: str


Source: TypeAlias = Iterator[Given | Wrong]


class Resolved(NamedTuple):
    """The settings in force, and for each field the place it came from."""

    settings: Settings
    origins: dict[str, str]


def load(flags: Mapping[str, str], environ: Mapping[str, str], config: Path | None) -> Settings:
    """The settings in force. `flags` maps names such as `connect-timeout` to text. Raises UsageError."""
    return resolve(flags, environ, config).settings


def resolve(flags: Mapping[str, str], environ: Mapping[str, str], config: Path | None) -> Resolved:
    """As `load`, and where each value comes from. `config` wins over SIDECAR_CONFIG."""
    known = described()
    if config is None and environ.get("SIDECAR_CONFIG"):
        config = Path(environ["SIDECAR_CONFIG"])
    values: dict[str, Any] = {}
    origins = dict.fromkeys(known, "default")
    wrong: list[str] = []

    # The weakest source comes first, so that a stronger one writes over it.
    for source in (from_file(config, known), from_environment(environ, known), from_flags(flags, known)):
        for item in source:
            if isinstance(item, Wrong):
                wrong.append(item.sentence)
                continue
            place, setting, text = item
            origins[setting.field] = place
            try:
                values[setting.field] = read(text, setting.unit, setting.type)
            except ValueError as reason:
                wrong.append(f'{place}: "{text}" {reason}; {_expected(setting)}')

    wrong += [_missing(known[field]) for field in _required(known) if origins[field] == "default"]
    if not wrong:
        settings = Settings(**values)
        wrong += clashes(settings)
    if wrong:
        raise UsageError("\n".join(wrong))
    return Resolved(settings, origins)


def from_flags(flags: Mapping[str, str], known: Mapping[str, Setting]) -> Source:
    by_flag = {setting.flag: setting for setting in known.values()}
    for name, text in flags.items():
        flag = f"--{name}"
        if flag in by_flag:
            yield Given(flag, by_flag[flag], text)
        else:
            yield Wrong(f"{flag}: unknown flag{_nearest(flag, by_flag)}")


def from_environment(environ: Mapping[str, str], known: Mapping[str, Setting]) -> Source:
    by_variable = {setting.variable: setting for setting in known.values()}
    for name, text in sorted(environ.items()):
        if name in by_variable:
            if text:  # an empty variable counts as not set, as it does for OTEL_*
                yield Given(name, by_variable[name], text)
        elif name.startswith("SIDECAR_") and not _is_no_setting(name, text):
            yield Wrong(f"{name}: unknown environment variable{_nearest(name, by_variable)}")


def from_file(path: Path | None, known: Mapping[str, Setting]) -> Source:
    if path is None:
        return
    by_name = {setting.name: setting for setting in known.values()}
    first: dict[str, int] = {}
    try:
        for line, key, value in _entries(path):
            place = f"{path}:{line}"
            if key in first:
                yield Wrong(f'{place}: "{key}" is set a second time; the first is in line {first[key]}')
                continue
            first[key] = line
            if key not in by_name:
                yield Wrong(f'{place}: unknown setting "{key}"{_nearest(key, by_name)}')
                continue
            setting = by_name[key]
            text = _text(value, setting)
            if text is None:
                yield Wrong(f"{place}: {key} has {_shape(value)}; {_expected(setting)}")
            else:
                yield Given(f"{place}: {key}", setting, text)
    except ValueError as error:
        yield Wrong(str(error))


def clashes(settings: Settings) -> list[str]:
    """What no setting shows alone: addresses in each other's way, and settings that would have no effect."""
    listen, admin = host_port(settings.listen), host_port(settings.admin)

    def is_set(field: str) -> bool:
        return bool(getattr(settings, field))

    wrong = []
    if listen == admin and listen.port != 0:
        wrong.append(f"listen and admin are both {settings.listen}; give one of them another port")
    for field, url, own in (
        ("upstream", settings.upstream, settings.listen),
        ("grpc-upstream", settings.grpc_upstream, settings.grpc_listen),
    ):
        if own and url == f"http://{own}":
            wrong.append(f"{field} is {url}, where the sidecar itself listens; it would call itself")
    try:
        said(settings.prediction)
    except UsageError as error:
        wrong.append(str(error))
    wrong += [
        f"{_kebab(field)} is set without {_kebab(needed)} and would have no effect"
        for field, needed in NEEDS.items()
        if is_set(field) and not is_set(needed)
    ]
    if not any(url.startswith("https://") for url in (settings.upstream, settings.grpc_upstream)):
        wrong += [
            f"{_kebab(field)} is set, but upstream is {settings.upstream} and not https"
            for field, others in HTTPS_ONLY.items()
            if is_set(field) and not any(map(is_set, others))
        ]
    return wrong


NEEDS = {"tls_key": "tls_cert", "tls_client_ca": "tls_cert", "upstream_key": "upstream_cert"}
"""Setting -> the one without which it would silently do nothing."""

HTTPS_ONLY: dict[str, tuple[str, ...]] = {
    "upstream_ca": ("egress", "policy"),
    "upstream_cert": ("egress", "policy"),
    "upstream_server_name": (),
}
"""Setting that only a server called by https has a use for -> those by which others than the model are."""


# -- YAML ------------------------------------------------------------------------------------------


def _entries(path: Path) -> Iterator[tuple[int, str, Node]]:
    """Line, key and value node of each top-level entry. Raises ValueError, with the place, if there are none.

    Nodes, not values: they know their lines, they keep the text as it was written, and nothing is built.
    """
    import yaml  # here, because only who has a file should pay for the parser

    try:
        root = yaml.compose(path.read_bytes(), yaml.SafeLoader)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ValueError(f"{path}:{line}: not YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: not YAML: {str(error).splitlines()[0]}") from error
    if root is None or root.tag == f"{_TAG}null":
        return
    if root.tag != f"{_TAG}map":
        raise ValueError(
            f"{path}:{root.start_mark.line + 1}: not settings; expected lines such as `workers: 2`"
        )
    for key, value in root.value:
        yield key.start_mark.line + 1, key.value if isinstance(key.value, str) else "?", value


def _text(node: Node, setting: Setting) -> str | None:
    """What stands in the file for a setting, or None where that cannot be meant."""
    if node.tag == f"{_TAG}seq" and setting.unit in _LISTS and all(one.tag in _SCALARS for one in node.value):
        return ",".join(one.value for one in node.value)
    return str(node.value) if node.tag in _SCALARS else None


def _shape(node: Node) -> str:
    return _SHAPES.get(node.tag, f"the tag {node.tag}")


_LISTS = ("NAMES", "DETECTORS", "RULES")
"""Kinds that are several things separated by commas; a file may write them as a list."""

_TAG = "tag:yaml.org,2002:"
_SCALARS = {f"{_TAG}{name}" for name in ("str", "int", "float", "bool", "timestamp")}
_SHAPES = {f"{_TAG}null": "no value", f"{_TAG}seq": "a list", f"{_TAG}map": "a mapping"}


# -- wording ---------------------------------------------------------------------------------------


def _is_no_setting(name: str, text: str) -> bool:
    return any(re.fullmatch(n, name) and re.fullmatch(t, text) for n, t, _ in NOT_SETTINGS)


def _kebab(field: str) -> str:
    return field.replace("_", "-")


def _required(known: Mapping[str, Setting]) -> list[str]:
    return [field for field, setting in known.items() if setting.default is None]


def _missing(setting: Setting) -> str:
    return (
        f"{setting.name} is required: {setting.flag} {setting.value}, or {setting.variable}, "
        f"or {setting.name} in the file that --config names"
    )


def _expected(setting: Setting) -> str:
    default = {None: "", "": " (default: empty)"}.get(setting.default, f" (default {setting.default})")
    return f"expected {setting.expected}{default}"


def _nearest(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1)
    return f'; did you mean "{near[0]}"?' if near else "; `sidecar run --help` lists them all"
