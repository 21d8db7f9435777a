"""The settings as people read them: what `sidecar run --help` and `docs/settings.md` print.

Nothing is written twice: names, units and defaults come from the `Settings` class, and the meaning from
the docstring under each field. Counterpart: `sidecar.settings`. To write the page anew:
`python -m sidecar.manual > docs/settings.md`.
"""

from __future__ import annotations

import ast
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, get_args

import msgspec

from sidecar import settings
from sidecar.retuning import WHILE_RUNNING
from sidecar.settings import Settings


class Setting(NamedTuple):
    """One setting: its three names, what its value is, and what it means.

    `unit` is the title of its kind (`SECONDS`) or empty where it is one of the `choices`; `expected`
    completes "expected ..." in an error. `default` is as a person would write it, None where required.
    """

    field: str
    name: str
    unit: str
    choices: tuple[str, ...]
    expected: str
    default: str | None
    section: str
    meaning: str
    type: Any

    @property
    def flag(self) -> str:
        return f"--{self.name}"

    @property
    def variable(self) -> str:
        return f"SIDECAR_{self.field.upper()}"

    @property
    def value(self) -> str:
        """The value as help and documentation name it."""
        return self.unit or "|".join(self.choices)


def described() -> dict[str, Setting]:
    """Every setting by its field, in the order of definition."""
    meanings = _meanings(Path(settings.__file__).read_text(encoding="utf-8"))
    found = {}
    for field in msgspec.structs.fields(Settings):
        kind, choices = _kind(field.type)
        found[field.name] = Setting(
            field=field.name,
            name=field.encode_name,
            unit=kind.title or "",
            choices=choices,
            expected=kind.description or "",
            default=None if field.required else written(field.default, kind.title or ""),
            section=meanings[field.name][0],
            meaning=meanings[field.name][1],
            type=field.type,
        )
    return found


def written(value: object, unit: str) -> str:
    """A value as a person would write it: `64KiB`, `2`, `127.0.0.1:9700`."""
    if unit == "BYTES" and isinstance(value, int) and value:
        for size, name in ((2**20, "MiB"), (2**10, "KiB")):
            if value % size == 0:
                return f"{value // size}{name}"
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def reference() -> str:
    """The text of docs/settings.md."""
    lines = [_PREFACE.format(running=", ".join(f"`{name.replace('_', '-')}`" for name in WHILE_RUNNING))]
    section = ""
    for setting in described().values():
        if setting.section != section:
            section = setting.section
            lines += [
                "",
                f"## {section[0].upper() + section[1:]}",
                "",
                "| setting | value | default | meaning |",
            ]
            lines += ["| --- | --- | --- | --- |"]
        value = setting.unit.lower() or ", ".join(f"`{choice}`" for choice in setting.choices)
        default = {None: "required", "": "empty"}.get(setting.default, f"`{setting.default}`")
        lines.append(f"| `{setting.name}` | {value} | {default} | {setting.meaning} |")
    return "\n".join(lines) + "\n"


_PREFACE = """\
# Settings

<!-- Written by `python -m sidecar.manual` from sidecar/settings.py; edit there. -->

One name gives all three ways to set it. `connect-timeout` is the flag `--connect-timeout`, the environment
variable `SIDECAR_CONNECT_TIMEOUT`, and the key `connect-timeout` in a YAML file named by `--config` or
`SIDECAR_CONFIG`. A flag wins over the environment, the environment over the file, the file over the default.

Seconds may carry a unit (`500ms`, `2s`, `5min`, `1h`), and so may bytes (`64KiB`, `16Mi`, `10MB`). An empty
environment variable counts as not set. Whatever is unknown or wrong is refused, with its place and the
nearest valid name; `sidecar check` prints what is in force and where each value comes from.

**While running.** On SIGHUP `sidecar run` reads file, environment and flags again and goes on with the new
values of {running}: calls in flight and connections stay. A certificate of `tls-cert` is read
again for connections to come. All other settings need a restart, which the log says; a file with a mistake
in it changes nothing. (In a pod: `kill -HUP 1`.)"""


def _kind(annotation: Any) -> tuple[msgspec.Meta, tuple[str, ...]]:
    parts = get_args(annotation)
    for part in parts:
        if isinstance(part, msgspec.Meta):
            return part, ()
    return msgspec.Meta(description=f"one of {', '.join(parts)}"), parts


def _meanings(source: str) -> dict[str, tuple[str, str]]:
    """Field -> its section and its docstring: what Python itself does not keep at run time."""
    sections = [
        (number, line.strip("# -"))
        for number, line in enumerate(source.splitlines(), start=1)
        if line.startswith("    # -- ")
    ]
    classes = {node.name: node.body for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}
    meanings = {}
    for field, docstring in pairwise(classes["Settings"]):
        if isinstance(field, ast.AnnAssign) and isinstance(docstring, ast.Expr):
            section = [title for number, title in sections if number < field.lineno][-1]
            meaning = " ".join(str(ast.literal_eval(docstring.value)).split())
            meanings[ast.unparse(field.target)] = section, meaning
    return meanings


if __name__ == "__main__":
    sys.stdout.write(reference())
