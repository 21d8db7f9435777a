"""A missing package is told before anything starts, and how to get it."""

import sys

import pytest

from sidecar.capture.extra import check, needed
from sidecar.errors import SidecarError, UsageError
from sidecar.settings import Settings


def settings(capture):
    return Settings(upstream="http://127.0.0.1:1", capture=capture)


def test_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SidecarError, match=r"capture needs pyarrow, .* pip install '\.\[capture\]'"):
        check(settings("captures"))
    check(settings(""))


def test_what_is_wrong_inside_a_package_is_not_hidden(tmp_path, monkeypatch):
    (tmp_path / "broken_package.py").write_text("import not_there_at_all")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="not_there_at_all"):
        needed("broken_package", "this")


@pytest.mark.parametrize("capture", ["captures", "/x/y", "file:///x", "memory://x"])
def test_usable(capture):
    check(settings(capture))


@pytest.mark.parametrize(("capture", "said"), [("s3://bucket", "s3fs"), ("nonsense://x", "nonsense")])
def test_a_url_that_needs_another_package(capture, said):
    with pytest.raises(UsageError, match=f"capture {capture}: .*{said}"):
        check(settings(capture))


def test_events_go_to_http():
    for url in ("http://x/events", "https://x"):
        check(Settings(upstream="http://127.0.0.1:1", capture_events=url))
    with pytest.raises(UsageError, match="capture-events kafka://x: begins neither"):
        check(Settings(upstream="http://127.0.0.1:1", capture_events="kafka://x"))
