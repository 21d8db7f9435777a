"""YAML to documents whose every part knows its place; keys and values are checked against a table.

Everything that is wrong is collected, not only the first. Nodes are read, not values: they know line and
column. Counterparts: `sidecar.policy.keys` is the table, `sidecar.policy.checking` makes rules of what was
read.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

from sidecar.policy.kinds import Kind, Unfit, shape

MOST_BYTES = 1_048_576
"""Bytes of one file. A policy is written by people; more is a mistake."""

MOST_SAID = 1_000
"""Characters of a sentence, which may quote a value of any length."""


class Key(NamedTuple):
    """One key of a mapping: its kind, what it means, an example of its value, and the actions it belongs
    to."""

    kind: Kind
    meaning: str
    example: str
    required: bool = False
    actions: tuple[str, ...] = ()


class Wrong(NamedTuple):
    """Something that is wrong, or only worth a warning: where, and a whole sentence."""

    file: str
    line: int
    column: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.sentence}"


class Reading:
    """The reading of one file."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self.wrong: list[Wrong] = []

    def note(self, node: Node, sentence: str, at: int = 0) -> None:
        """Take note of a mistake at a node; `at` is the character of its text where."""
        self.wrong.append(self.place(node, sentence, at))

    def place(self, node: Node, sentence: str, at: int = 0) -> Wrong:
        """A sentence and the place of a node, or of a character of its text."""
        if len(sentence) > MOST_SAID:
            sentence = f"{sentence[:MOST_SAID]}..."
        mark = node.start_mark
        if at and isinstance(node, ScalarNode):
            return Wrong(self.file, *self._within(node, at), sentence)
        return Wrong(self.file, mark.line + 1, mark.column + 1, sentence)

    def _within(self, node: ScalarNode, at: int) -> tuple[int, int]:
        """Line and column of a character of a scalar: its text is looked for in the file, past quotes,
        indents and escapes."""
        place = node.start_mark.index
        if node.style in ("|", ">"):
            place = self.text.find("\n", place)
        for i, char in enumerate(node.value):
            while place < len(self.text) and not _same(self.text[place], char):
                place += 1
            if i == at:
                break
            place += 1
        before = self.text[:place]
        return before.count("\n") + 1, place - (before.rfind("\n") + 1) + 1

    def mapping(
        self, node: Node, keys: Mapping[str, Key], path: str, what: str
    ) -> dict[str, tuple[Any, Node]]:
        """The values of a mapping by key, each with its node. What is wrong is noted and left out."""
        if not isinstance(node, MappingNode):
            self.note(node, f"{path or what}: {shape(node)}; expected a mapping with {', '.join(keys)}")
            return {}
        found: dict[str, tuple[Any, Node]] = {}
        seen: dict[str, int] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self.note(key_node, f"{path or what}: a key {shape(key_node)}; expected a name")
                continue
            name = str(key_node.value)
            where = f"{path}.{name}" if path else name
            if name in seen:
                self.note(key_node, f'{where}: a second "{name}"; the first is in line {seen[name]}')
                continue
            seen[name] = key_node.start_mark.line + 1
            if name not in keys:
                self.note(key_node, f'{where}: unknown key "{name}"; {nearest(name, keys)}')
                continue
            try:
                found[name] = (keys[name].kind.read(value_node), value_node)
            except Unfit as error:
                self.note(error.node, f"{where}: {error}", error.at)
        for name, key in keys.items():
            if key.required and name not in seen:
                self.note(node, f'{path or what}: "{name}" is missing; such as `{name}: {key.example}`')
        return found


_HINTS = {
    "mapping values are not allowed here": "a colon and a space inside a value; put quotes around it",
    "expected <block end>, but found '['": "more after a closing bracket; put quotes around the value",
    "found character '\\t' that cannot start any token": "a tab; indent with spaces",
}
"""What the YAML parser says, in other words where its own are of no help."""


def _same(here: str, char: str) -> bool:
    return here == char or (here in "\n\r" and char == " ")


def documents(file: str, text: str) -> tuple[Reading, list[Node]]:
    """The documents of a file, and the reading that takes note of what is wrong in them."""
    reading = Reading(file, text)
    found: list[Node] = []
    try:
        nodes = yaml.compose_all(text, yaml.SafeLoader)
        found.extend(node for node in nodes if node is not None and node.tag != "tag:yaml.org,2002:null")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        reading.wrong.append(
            Wrong(file, line, column, f"not YAML: {_HINTS.get(str(error.problem), error.problem)}")
        )
    except RecursionError:
        reading.wrong.append(Wrong(file, 1, 1, "not YAML that can be read: it is nested too deep"))
    except yaml.YAMLError as error:
        reading.wrong.append(Wrong(file, 1, 1, f"not YAML: {str(error).splitlines()[0]}"))
    if not found and not reading.wrong:
        reading.wrong.append(Wrong(file, 1, 1, "holds no policy; expected a document with `kind: Policy`"))
    return reading, found


def files(path: Path) -> Iterator[Path]:
    """The files that `path` stands for: itself, or the YAML files in it by name. Those that begin with a
    dot are not: that is how a ConfigMap's volume keeps what it is about to swap. Raises OSError."""
    if not path.is_dir():
        yield path
        return
    for file in sorted(path.iterdir()):
        if file.suffix in (".yaml", ".yml") and not file.name.startswith("."):
            yield file


def nearest(name: str, names: Mapping[str, Any] | tuple[str, ...]) -> str:
    """What was perhaps meant, or all there is."""
    near = difflib.get_close_matches(name, names, n=1)
    return f'did you mean "{near[0]}"?' if near else f"there {_names(names)}"


def _names(names: Mapping[str, Any] | tuple[str, ...]) -> str:
    listed = list(names)
    return ("is " if len(listed) == 1 else "are ") + ", ".join(listed)
