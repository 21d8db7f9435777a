"""docs/policies.md has every key, fact and action; the JSON Schema takes what the check takes."""

import json
import re

import jsonschema
import pytest
import yaml

from sidecar.policy import keys
from sidecar.policy.facts import FACTS
from sidecar.policy.rules import ACTIONS
from tests.policy import wrong
from tests.policy.ready import DIRECTORY, FILES

PAGE = DIRECTORY.parent / "docs" / "policies.md"


def code(text: str) -> str:
    return "`" + text.replace("|", "&#124;") + "`"


def listed(table: dict[str, keys.Key]) -> list[str]:
    rows = []
    for name, key in table.items():
        meaning = key.meaning + (" Required." if key.required else "")
        meaning += f" For {' and '.join(key.actions)}." if key.actions else ""
        rows.append(f"| `{name}` | {key.kind.name} | {meaning} Such as {code(key.example)}. |")
    return rows


def known(fact) -> str:
    return "before" if fact.stage == "head" else "if scored" if fact.absent else "scored"


TABLES = {
    "The document": (
        listed(keys.POLICY),
        listed(keys.MATCH),
        listed(keys.SCHEMA),
        listed(keys.BUDGET),
        listed(keys.RULE),
    ),
    "Actions": (
        [f"| `{name}` | {'yes' if deed.ends else 'no'} | {deed.meaning} |" for name, deed in ACTIONS.items()],
    ),
    "Conditions": (
        [
            f"| `{name}` | {fact.type} | {known(fact)} | {fact.meaning} | {code(fact.example)} |"
            for name, fact in FACTS.items()
        ],
    ),
}


def documented(text: str) -> str:
    """The page with its tables as they are now."""
    for heading, tables in TABLES.items():
        before, title, rest = text.partition(f"\n## {heading}\n")
        section, next_title, after = rest.partition("\n## ")
        parts = re.split(r"(\| --- .*\|\n)((?:\|.*\n)*)", section)
        parts[2::3] = ["".join(f"{row}\n" for row in table) for table in tables]
        text = before + title + "".join(parts) + next_title + after
    return text


def test_the_page_has_every_key_fact_and_action():
    text = PAGE.read_text(encoding="utf-8")
    assert documented(text) == text, "run: python -m tests.policy.test_keys"


def test_the_schema_for_editors_is_the_one_of_the_keys():
    shown = json.loads((DIRECTORY / "schema.json").read_text(encoding="utf-8"))
    assert shown == keys.schema(), "run: sidecar check --schema > policies/schema.json"
    jsonschema.Draft202012Validator.check_schema(shown)


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_the_schema_takes_the_ready_made_policies(file):
    for document in yaml.safe_load_all(file.read_text(encoding="utf-8")):
        jsonschema.validate(document, keys.schema())


def test_the_schema_refuses_unknown_keys_and_wrong_choices():
    refused = [
        row
        for row in (*wrong.GROUPS["The document"], *wrong.GROUPS["Rules"])
        if re.search('unknown key|is unknown;|" is missing', row.error)
    ]
    assert len(refused) > 15
    for row in refused:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(yaml.safe_load(row.text), keys.schema())


@pytest.mark.parametrize("table", [keys.POLICY, keys.MATCH, keys.SCHEMA, keys.BUDGET, keys.RULE])
def test_every_example_is_right(table):
    for key in table.values():
        node = yaml.compose(key.example, yaml.SafeLoader)
        assert key.kind.read(node) is not None


if __name__ == "__main__":
    PAGE.write_text(documented(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
