"""The table of codecs and the choice among them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sidecar import codecs
from sidecar.errors import UsageError
from tests.codecs.samples import headers, post

JSON = "application/json"
BINARY = (b"inference-header-content-length", b"10")


@pytest.mark.parametrize(
    ("target", "media", "chosen"),
    [
        ("/v1/models/m:predict", JSON, "v1"),
        ("/v1/models/m:predict", None, "v1"),
        ("/v1/models/m/versions/3:predict?x=1", JSON, "v1"),
        ("/v1/models/m/labels/canary:predict", JSON, "v1"),
        ("/v1/models/m:predict", "text/csv", "csv"),
        ("/v1/models/m:explain", JSON, None),
        ("/v1/models/m/metadata", JSON, None),
        ("/v2/models/m/infer", JSON, "v2"),
        ("/v2/models/m/versions/1/infer", JSON, "v2"),
        ("/seldon/ns/dep/v2/models/m/infer", JSON, "v2"),
        ("/v2/models/m/infer", "image/png", "image"),
        ("/v2/repository/models/m/load", JSON, None),
        ("/invocations", JSON, "mlflow"),
        ("/invocations", "text/csv", "mlflow"),
        ("/invocations", "application/x-npy", "npy"),
        ("/anything", JSON, "plain"),
        ("/anything", "application/vnd.x+json", "plain"),
        ("/anything", "application/octet-stream", "npy"),
        ("/anything", "image/jpeg", "image"),
        ("/anything", "text/plain", None),
        ("/anything", None, None),
    ],
)
def test_choice_by_path_and_type(target: str, media: str | None, chosen: str | None) -> None:
    codec = codecs.choose(post(target, media, b""))
    assert (codec and codec.name) == chosen


def test_binary_tensors_are_known_by_their_header() -> None:
    for media in ("application/octet-stream", "application/vnd.triton.binary+json;x=1", None):
        codec = codecs.choose(post("/v2/models/m/infer", media, b"", BINARY))
        assert codec is not None
        assert codec.name == "v2"


def test_a_hint_decides_for_every_post() -> None:
    request = post("/score", "text/html", b"")
    for name in codecs.NAMES:
        codec = codecs.choose(request, hint=name)
        assert codec is not None
        assert codec.name == name
    assert codecs.choose(type(request)("GET", "/health", headers(None), b""), hint="v1") is None


def test_a_wrong_hint_is_refused_with_the_right_ones() -> None:
    with pytest.raises(UsageError, match="'v3' is unknown; use auto or one of v2, v1, mlflow, openai, csv"):
        codecs.choose(post("/", JSON, b""), hint="v3")


def test_names_are_distinct() -> None:
    assert len(set(codecs.NAMES)) == len(codecs.CODECS)


def test_every_reason_is_in_the_manual() -> None:
    root = Path(codecs.__file__).parents[1]
    manual = (root.parent / "docs" / "codecs.md").read_text()
    sources = [*sorted((root / "codecs").glob("*.py")), *sorted((root / "features").glob("*.py"))]
    said = re.compile(r"(?:Undecodable|reason|_why)\((.*)")
    word = re.compile(r"""f?"([a-z]+(?:[-:][a-z{][a-z_.}]*)*)"(?!\s+in\b)""")
    reasons = {
        reason for path in sources for call in said.findall(path.read_text()) for reason in word.findall(call)
    }
    assert {"not-json", "schema-mismatch:missing", "no-{key}", "truncated"} <= reasons
    for reason in reasons - {"latin-1", "infinity"}:
        start = re.split(r"[:{]", reason)[0] if not reason.startswith("schema") else reason
        assert f"`{start}" in manual, reason
