"""Documents to policies: everything that a document can have wrong, and what in it cannot be meant.

Counterparts: `sidecar.policy.documents` reads, `sidecar.policy.reach` finds rules without effect, and what
comes out is what the data plane goes by (`sidecar.policy.rules`).
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from yaml.nodes import Node as YamlNode
from yaml.nodes import SequenceNode

from sidecar.exchange import Hints
from sidecar.policy import keys
from sidecar.policy.documents import MOST_BYTES, Reading, Wrong, documents, files
from sidecar.policy.kinds import shape
from sidecar.policy.reach import Reach
from sidecar.policy.rules import Budget, Match, Policies, Policy, Rule
from sidecar.policy.tree import Node

MOST_RULES = 200
"""Rules of all policies together; each costs up to a microsecond a call."""


class Checked(NamedTuple):
    """What came of checking: the policies, unless something is wrong, and warnings."""

    policies: Policies | None
    wrong: tuple[Wrong, ...]
    warnings: tuple[Wrong, ...]


def check(*paths: Path) -> Checked:
    """Check files, and directories of files, as one set of policies."""
    checking = _Checking()
    for path in paths:
        try:
            found = list(files(path))
            if not found:
                checking.wrong.append(Wrong(str(path), 1, 1, "holds no file called *.yaml or *.yml"))
            for file in found:
                checking.file(str(file), _text(file))
        except OSError as error:
            checking.wrong.append(
                Wrong(str(error.filename or path), 1, 1, f"cannot be read: {error.strerror}")
            )
        except ValueError as error:
            checking.wrong.append(Wrong(str(path), 1, 1, str(error)))
    return checking.result()


def check_text(text: str, file: str = "policy.yaml") -> Checked:
    """Check one file by its text."""
    checking = _Checking()
    checking.file(file, text)
    return checking.result()


def _text(file: Path) -> str:
    data = file.read_bytes()
    if len(data) > MOST_BYTES:
        raise ValueError(f"{file.name} has {len(data)} bytes; at most {MOST_BYTES} are read")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{file.name} is not UTF-8: byte {error.start}") from error


class _Checking:
    def __init__(self) -> None:
        self.wrong: list[Wrong] = []
        self.warnings: list[Wrong] = []
        self._policies: list[Policy] = []
        self._named: dict[str, Wrong] = {}
        self._rules = 0

    def file(self, file: str, text: str) -> None:
        reading, found = documents(file, text)
        for node in found:
            policy = self._policy(reading, node)
            if policy is not None:
                self._policies.append(policy)
        self.wrong += reading.wrong

    def result(self) -> Checked:
        wrong = tuple(sorted(self.wrong, key=lambda one: (one.file, one.line, one.column)))
        if wrong:
            return Checked(None, wrong, tuple(self.warnings))
        policies = tuple(self._policies)
        said = [msgspec.structs.replace(one, file="") for one in policies]
        digest = hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:12]
        return Checked(Policies(digest, policies), (), tuple(self.warnings))

    def _policy(self, reading: Reading, node: YamlNode) -> Policy | None:
        before = len(reading.wrong)
        found = reading.mapping(node, keys.POLICY, "", "the document")
        self._check_name(reading, found)
        match = Match()
        if "match" in found:
            match = self._match(reading, found["match"][1])
        hints = self._hints(reading, found)
        budget = self._budget(reading, found["budget"][1]) if "budget" in found else Budget()
        rules = self._listed(reading, found["rules"][1]) if "rules" in found else ()
        if len(reading.wrong) > before:
            return None
        if set(found) <= {"apiVersion", "kind", "name", "description", "match"}:
            self.warnings.append(reading.place(node, "says nothing about calls; add `rules` or `expose`"))
        return Policy(
            found["name"][0],
            reading.file,
            match,
            _value(found, "expose"),
            _value(found, "threshold"),
            _value(found, "deadline"),
            rules,
            _value(found, "description") or "",
            _value(found, "codec") or "",
            _value(found, "capture-rate"),
            _value(found, "redact") or "",
            hints,
            budget,
        )

    def _check_name(self, reading: Reading, found: dict[str, tuple[Any, YamlNode]]) -> None:
        if "name" not in found:
            return
        name, node = found["name"]
        first = self._named.get(name)
        if first is not None:
            place = f"{first.file}:{first.line}"
            reading.note(node, f'name: a second policy called "{name}"; the first is in {place}')
        else:
            self._named[name] = reading.place(node, "")

    def _hints(self, reading: Reading, found: dict[str, tuple[Any, YamlNode]]) -> Hints | None:
        detectors = _value(found, "detectors") or {}
        if detectors and "threshold" in found:
            reading.note(found["threshold"][1], "threshold: each of `detectors` has its own")
        schema = {}
        if "schema" in found:
            read = reading.mapping(found["schema"][1], keys.SCHEMA, "schema", "schema")
            schema = {name: value for name, (value, _) in read.items()}
        return Hints(**schema, detectors=detectors) if detectors or schema else None

    def _budget(self, reading: Reading, node: YamlNode) -> Budget:
        found = reading.mapping(node, keys.BUDGET, "budget", "budget")
        return Budget(**{name: value for name, (value, _) in found.items()})

    def _match(self, reading: Reading, node: YamlNode) -> Match:
        found = reading.mapping(node, keys.MATCH, "match", "match")
        return Match(**{name: value for name, (value, _) in found.items()})

    def _listed(self, reading: Reading, node: YamlNode) -> tuple[Rule, ...]:
        if not isinstance(node, SequenceNode):
            reading.note(node, f"rules: {shape(node)}; expected a list of rules")
            return ()
        rules: list[Rule] = []
        reach = Reach()
        first: dict[str, int] = {}
        for i, one in enumerate(node.value):
            rule = self._rule(reading, one, f"rules[{i}]")
            if rule is None:
                continue
            line = one.start_mark.line + 1
            if rule.name in first:
                where = f"the first is in line {first[rule.name]}"
                reading.note(one, f'rules[{i}]: a second rule called "{rule.name}"; {where}')
                continue
            first[rule.name] = line
            rules.append(rule)
            self._rules += 1
            if self._rules > MOST_RULES:
                reading.note(one, f"rules[{i}]: more than {MOST_RULES} rules in all")
                break
            for sentence in reach.update(rule):
                self.warnings.append(reading.place(one, f"rules[{i}] ({rule.name}): {sentence}"))
        return tuple(rules)

    def _rule(self, reading: Reading, node: YamlNode, path: str) -> Rule | None:
        before = len(reading.wrong)
        found = reading.mapping(node, keys.RULE, path, path)
        action = _value(found, "action")
        for name, (_, value_node) in found.items():
            owners = keys.RULE[name].actions
            if owners and action is not None and action not in owners:
                reading.note(
                    value_node, f"{path}.{name}: is for {' and '.join(owners)}, and the action is {action}"
                )
        if "content-type" in found and "body" not in found:
            reading.note(
                found["content-type"][1], f"{path}.content-type: is the type of `body`, which is missing"
            )
        if "body" in found and "detail" in found:
            reading.note(
                found["detail"][1], f"{path}.detail: is part of the answer that `body` takes the place of"
            )
        if len(reading.wrong) == before:
            self._check_options(reading, node, found, path)
        if len(reading.wrong) > before:
            return None
        options = {
            name.replace("-", "_"): value
            for name, (value, _) in found.items()
            if name not in ("when", "fail")
        }
        when, text = Node("const", True), ""
        if "when" in found:
            when, text = found["when"][0], found["when"][1].value
        if action == "fallback":
            options.setdefault("status", 200)
        return Rule(when=when, text=text, closed=_value(found, "fail") == "closed", **options)

    def _check_options(
        self, reading: Reading, node: YamlNode, found: dict[str, tuple[Any, YamlNode]], path: str
    ) -> None:
        """What an action cannot do without, and what does not go together."""
        action = _value(found, "action")
        for name in NEEDED.get(str(action), ()):
            if name not in found:
                example = keys.RULE[name].example
                reading.note(node, f"{path}: {action} needs `{name}`; such as `{name}: {example}`")
        if action == "fallback" and ("to" in found) == ("body" in found):
            reading.note(node, f"{path}: fallback needs either `to`, another model, or `body`, an answer")
        if "status" in found:
            status, place = found["status"]
            if action == "block" and status < 400:
                reading.note(place, f"{path}.status: {status} says that all is well; expected 400 to 599")
            if action == "fallback" and "body" not in found:
                reading.note(place, f"{path}.status: is of the answer in `body`, which is missing")


NEEDED = {"throttle": ("rate",), "sample": ("share",), "shadow": ("to",)}
"""Action -> the keys without which it would do nothing."""


def _value(found: dict[str, tuple[Any, YamlNode]], name: str) -> Any:
    return found[name][0] if name in found else None
