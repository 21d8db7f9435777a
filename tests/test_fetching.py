"""A baseline from a URL: fetched, checked, kept, refused."""

import functools
import http.server
import json
import threading
from pathlib import Path

import pytest

from sidecar import fetching
from sidecar.errors import SidecarError, UsageError
from sidecar.fetching import Fetched, Place, digest_of, fetch, place
from sidecar.settings import Settings

DIGEST = "4f0c" * 16


@pytest.fixture
def source(tmp_path):
    """The two files, as far as fetching looks at them; loading them is `sidecar.scoring.artifact`'s work."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps({"digest": DIGEST}))
    (folder / "arrays.npz").write_bytes(b"numbers")
    return folder


@pytest.fixture
def served(source):
    """The same over HTTP, and how often it was asked."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            if self.command == "GET":
                asked.append(self.path)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=source))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def settings(baseline, run_dir=""):
    return Settings(upstream="http://127.0.0.1:1", baseline=baseline, run_dir=str(run_dir))


def test_the_setting():
    assert place("s3://b/x") == Place("s3://b/x", "")
    assert place(f"s3://b/x#sha256={DIGEST}") == Place("s3://b/x", DIGEST)
    for wrong in ("#", "#sha256=", "#sha256=0123", "#md5=0123456789ab", f"#sha256={DIGEST}0"):
        with pytest.raises(UsageError, match="after # expected sha256="):
            place(f"s3://b/x{wrong}")


def test_fetched_over_http_and_checked(served, tmp_path):
    url, _ = served
    with Fetched() as fetched:
        found = fetched.local(settings(f"{url}#sha256={DIGEST}"))
        directory = Path(found.baseline)
        assert digest_of(directory) == DIGEST
        assert (directory / "arrays.npz").read_bytes() == b"numbers"
        assert fetched.local(settings(f"{url}#sha256={DIGEST}")) == found
    assert not directory.exists()


def test_with_a_digest_it_is_fetched_once_for_all(served, tmp_path):
    url, asked = served
    for _ in range(2):
        with Fetched() as fetched:
            fetched.local(settings(f"{url}#sha256={DIGEST[:12]}", tmp_path / "run"))
    assert len(asked) == 2
    for _ in range(2):
        with Fetched() as fetched:
            fetched.local(settings(url, tmp_path / "run"))
    assert len(asked) == 6, "without a digest nobody knows whether it is still the same"


def test_a_directory_stays_one(source):
    with Fetched() as fetched:
        assert fetched.local(settings(str(source))) == settings(str(source))


def test_another_baseline_is_refused_and_the_old_one_stays(source, tmp_path):
    place_ = tmp_path / "there"
    fetch(f"file://{source}", place_)
    with pytest.raises(SidecarError, match=r"its digest is 4f0c4f0c4f0c\.\.\., not 000000000000\.\.\."):
        fetch(f"file://{source}#sha256={'0' * 64}", place_)
    assert digest_of(place_) == DIGEST
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("url", ["http://user:secret@127.0.0.1:9/x", "file:///no/such", "nosuch://x"])
def test_what_cannot_be_fetched(url, tmp_path):
    with Fetched() as fetched, pytest.raises(SidecarError, match="cannot be fetched") as caught:
        fetched.local(settings(url, tmp_path))
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_without_end(source, tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "LARGEST", 3)
    with pytest.raises(SidecarError, match="larger than 3 bytes"):
        fetch(f"file://{source}", tmp_path / "there")
