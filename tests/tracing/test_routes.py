"""Route templates: every one is reached by a path of its own, and made-up paths reach none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.tracing.routes import ROUTES, route


@pytest.mark.parametrize("template", ROUTES)
def test_every_template_is_found(template: str) -> None:
    path = template.replace("{model}", "fraud-v2.1").replace("{version}", "3").replace("{label}", "canary")
    assert route(path) == template


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/v1/models/a%3Ab:predict", "/v1/models/{model}:predict"),
        ("/v1/models/fraud:train", ""),
        ("/v1/models/fraud:predict/", ""),
        ("/v1/models/:predict", ""),
        ("/v2/models/a/b/infer", ""),
        ("/v2/models//infer", ""),
        ("/V2/models/fraud/infer", ""),
        ("/v2/", ""),
        ("/", ""),
        ("*", ""),
        ("", ""),
        ("/v1/models/fraud:predict\n", ""),
    ],
)
def test_other_paths(path: str, template: str) -> None:
    assert route(path) == template


@given(st.text())
def test_names_are_few(path: str) -> None:
    assert route(path) in ("", *ROUTES)
