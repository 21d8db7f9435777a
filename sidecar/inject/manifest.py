"""Manifests as text: YAML with many documents, or JSON; read as Kubernetes reads them, and written back.

Kubernetes' YAML is neither PyYAML's nor quite YAML 1.1: dates and `12:30` are text to it, `1e3` is a number,
and a plain `y` is a truth value. What is misread here would be written back as something else. Comments go.
Counterpart: `sidecar.inject.workloads`.
"""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from sidecar.errors import SidecarError
from sidecar.inject import shape
from sidecar.inject.reasons import Json, NotInjected

_FLOAT = re.compile(
    r"[-+]?([0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
_INT = re.compile(r"[-+]?(0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*)")
_BOOL = re.compile(r"(?:y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)")

_RESOLVERS: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
for _tag, _pattern, _first in (
    ("bool", _BOOL, "yYnNtTfFoO"),
    ("float", _FLOAT, "-+0123456789."),
    ("int", _INT, "-+0123456789"),
    ("null", re.compile(r"(?:~|null|Null|NULL|)"), ["~", "n", "N", ""]),
    ("merge", re.compile(r"(?:<<)"), "<"),
):
    for _char in _first:
        _RESOLVERS.setdefault(_char, []).append(
            (f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern.pattern})$"))
        )


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice: one of the two would be lost without a word."""

    yaml_implicit_resolvers = _RESOLVERS

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        self.flatten_mapping(node)
        seen: set[Any] = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if name in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{name!r} stands twice", key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """Quotes whatever one reader or another would take for something else than text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (as the base class has it)
        first: [*yaml.SafeDumper.yaml_implicit_resolvers.get(first, ()), *_RESOLVERS.get(first, ())]
        for first in {*yaml.SafeDumper.yaml_implicit_resolvers, *_RESOLVERS}
    }

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _bool(loader: _Loader, node: Any) -> bool:
    return str(loader.construct_scalar(node)).lower() in ("y", "yes", "true", "on")


def _int(loader: _Loader, node: Any) -> int:
    text = str(loader.construct_scalar(node)).replace("_", "")
    digits = text.lstrip("+-")
    base = 8 if re.fullmatch(r"0o?[0-7]+", digits) else 0
    return int(text.replace("0o", "0"), base) if base else int(text, 0)


_Loader.add_constructor("tag:yaml.org,2002:bool", _bool)
_Loader.add_constructor("tag:yaml.org,2002:int", _int)


def read(text: str, place: str) -> list[Json]:
    """The objects in a manifest. Raises SidecarError naming the place and the line."""
    try:
        if text.lstrip().startswith("{"):
            documents = [json.loads(text)]
        else:
            documents = [one for one in yaml.load_all(text, Loader=_Loader) if one is not None]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{place}:{mark.line + 1}" if mark else place
        raise SidecarError(f"{where}: {getattr(error, 'problem', None) or error}") from error
    except (ValueError, RecursionError) as error:
        raise SidecarError(f"{place}: {error}") from error
    for number, one in enumerate(documents, 1):
        _check(one, f"{place}: document {number}")
    return documents


def _check(thing: Any, where: str) -> None:
    """Raises SidecarError unless this is an object, or a List of objects."""
    if not isinstance(thing, dict) or not isinstance(thing.get("kind"), str):
        raise SidecarError(f"{where} is no Kubernetes object: it has no kind")
    try:
        shape.check(thing, shape.Object)
    except NotInjected as why:
        raise SidecarError(f"{where} is no Kubernetes object: {why.detail.rstrip('.')}") from why
    if is_list(thing):
        for place, one in enumerate(thing["items"]):
            _check(one, f"{where}: items[{place}]")


def is_list(thing: Json) -> bool:
    """Whether an object is a List of others."""
    return str(thing.get("kind", "")).endswith("List") and isinstance(thing.get("items"), list)


def write(things: list[Json], *, as_json: bool) -> str:
    """A manifest of these objects."""
    if as_json:
        return "".join(json.dumps(one, indent=2, ensure_ascii=False) + "\n" for one in things)
    documents = (
        yaml.dump(
            one, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110, default_flow_style=False
        )
        for one in things
    )
    return "---\n".join(documents)
