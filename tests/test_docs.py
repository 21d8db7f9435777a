"""The documents say what is so: every setting, header and error; commands that exist; links that lead."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar import cli
from sidecar.capture.columns import COLUMNS
from sidecar.errors import FAILURES
from sidecar.inject.annotations import ANNOTATIONS, PREFIX, STATUS
from sidecar.inject.measures import MEASURES
from sidecar.inject.reasons import REASONS
from sidecar.manual import reference
from sidecar.proxy import heads, judged
from sidecar.redaction.redactor import EVERYTHING
from sidecar.scoring import apart
from sidecar.settings import Settings

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted(
    path.relative_to(ROOT)
    for path in [*ROOT.glob("*.md"), *ROOT.glob("[a-z]*/**/*.md")]
    if "node_modules" not in path.parts
)
GUIDES = [path for path in DOCUMENTS if path.parts[0] in ("README.md", "CONTRIBUTING.md", "docs")]

AFTER_THE_HEAD = {"response-truncated", "client-gone"}
"""Failures that no answer can tell of: the caller has part of one, or has left."""


def text(path: Path | str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def rows(document: str, heading: str) -> list[list[str]]:
    """The cells of the table after a heading, without its two head lines."""
    lines = f"\n{text(document)}".partition(f"\n{heading}\n")[2].splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("| "))
    table = []
    for line in lines[start + 2 :]:
        if not line.startswith("| "):
            break
        table.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return table


# -- reference pages -------------------------------------------------------------------------------


def test_settings_page_is_the_one_that_the_settings_write():
    assert text("docs/settings.md") == reference(), "run: python -m sidecar.manual > docs/settings.md"


def test_every_header_is_explained():
    documented = {name.strip("`") for name, _ in rows("docs/headers.md", "# Headers")}
    ours = {name.decode() for name in heads.OURS}
    assert documented == ours | {"x-request-id", "traceresponse"}


def test_every_reason_for_unscored_is_explained():
    reasons = {value.score.reason for value in vars(judged).values() if isinstance(value, judged.Judged)}
    reasons |= {apart.STARTING, apart.AWAY, apart.REFUSED, apart.DEADLINE}
    documented = {reason.strip("`") for reason, _ in rows("docs/headers.md", "## Unscored")}
    assert documented == reasons | {"anything else"}


def test_every_column_of_a_capture_is_explained():
    documented = [tuple(row) for row in rows("docs/capture.md", "## Columns")]
    assert documented == [(f"`{name}`", one.kind, one.meaning) for name, one in COLUMNS.items()]


def test_every_rule_of_redaction_is_explained():
    documented = [
        name for row in rows("docs/capture.md", "## Redaction") for name in re.findall("`([a-z]+)`", row[0])
    ]
    assert documented == list(EVERYTHING)


def test_every_error_is_explained():
    documented = {row[0].strip("`"): row[1:] for row in rows("docs/headers.md", "## Errors")}
    told = {cause: row for cause, row in FAILURES.items() if cause not in AFTER_THE_HEAD}
    assert documented == {
        cause: [str(row.status), f"{row.title}. {row.advice}"] for cause, row in told.items()
    }


def test_every_annotation_is_explained():
    documented = [tuple(row) for row in rows("docs/kubernetes.md", "## What is asked for")]
    table = [(f"`{PREFIX}{name}`", row.values, row.meaning) for name, row in ANNOTATIONS.items()]
    assert documented[:-1] == table
    assert documented[-1][0] == f"`{STATUS}`"


def test_every_reason_of_an_injection_is_explained():
    documented = [tuple(row) for row in rows("docs/kubernetes.md", "## What becomes of a pod")]
    assert documented == [(f"`{name}`", row.outcome, row.meaning) for name, row in REASONS.items()]


def test_every_metric_of_the_webhook_is_explained():
    documented = [tuple(row) for row in rows("docs/kubernetes.md", "### What it counts")]
    table = [
        (f"`{name}`", row.kind, ", ".join(f"`{label}`" for label in row.labels), row.help)
        for name, row in MEASURES.items()
    ]
    assert documented == table


# -- commands --------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", GUIDES, ids=str)
def test_scripts_that_are_named_can_be_run(document):
    for name in set(re.findall(r"(?<![\w/])scripts/(\w+)", text(document))):
        assert os.access(ROOT / "scripts" / name, os.X_OK), f"scripts/{name}"


def test_readme_names_the_two_commands():
    assert re.search(r"^    scripts/demo ", text("README.md"), re.M)
    assert re.search(r"^    scripts/test ", text("README.md"), re.M)


def test_continuous_integration_runs_what_people_run():
    assert 'exec "$(dirname "${BASH_SOURCE[0]}")/../scripts/test"' in text(".ci/run")


@pytest.mark.parametrize("document", GUIDES, ids=str)
def test_commands_of_sidecar_exist(document):
    lines = re.findall(r"^    (?:\S+/)?sidecar (\w.*)$", text(document), re.M)
    assert {line.split()[0] for line in lines} <= set(cli.COMMANDS)


def test_flags_that_are_named_exist():
    known = {"--help", "--version", "--no-build-isolation"}  # the last is for pip
    for command in cli.COMMANDS:
        shown = subprocess.run(
            [sys.executable, "-m", "sidecar.cli", command, "--help"],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        known |= set(re.findall(r"--[a-z][a-z-]+", shown.stdout))
    for script in ("scripts/demo", "scripts/lock"):
        known |= set(re.findall(r"--[a-z][a-z-]+", text(script)))
    for document in GUIDES:
        ours = re.sub(
            r"`(?:python -m )?bench[./][^`]*`", "", text(document)
        )  # benches have flags of their own
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", ours))
        assert named <= known, f"{document}: {named - known}"


def test_addresses_that_are_named_are_the_defaults():
    defaults = Settings(upstream="http://127.0.0.1:8080")
    assert f"http://{defaults.listen}/" in text("README.md")
    assert f"http://{defaults.admin}" in text("README.md")
    assert f"The first {defaults.learn_rows} rows" in text("README.md")


# -- links -----------------------------------------------------------------------------------------


def anchors(path: Path) -> set[str]:
    """What the headings of a document can be linked to as."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_links_lead_somewhere(document):
    for target in re.findall(r"\]\(([^)\s]+)\)", text(document)):
        if re.match("https?://|mailto:", target):
            continue
        file, _, anchor = target.partition("#")
        path = (ROOT / document).parent / file if file else ROOT / document
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(path), target


def test_every_page_can_be_reached_from_the_readme():
    reached, new = set(), [Path("README.md")]
    while new:
        page = new.pop()
        reached.add(page)
        for target in re.findall(r"\]\(([^)\s#]+\.md)[^)]*\)", text(page)):
            linked = (ROOT / page).parent / target
            if linked.exists() and (found := linked.resolve().relative_to(ROOT)) not in reached:
                new.append(found)
    assert {page for page in GUIDES if page.parts[0] == "docs"} <= reached
