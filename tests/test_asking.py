"""Against a server that answers as told; the real one is asked in tests/stories."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from examples.processes import free_port
from sidecar.asking import asked
from sidecar.errors import SidecarError, UsageError


class Heard:
    """What a server was asked, in order."""

    def __init__(self):
        self.paths, self.bodies, self.types = [], [], []


@contextmanager
def answering(body, status=200):
    """The URL of a server that gives this answer to all, and what it was asked."""
    heard = Heard()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            heard.paths.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            heard.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            heard.types.append(self.headers["Content-Type"])
            self.do_GET()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", heard
        finally:
            server.shutdown()
            thread.join()


def test_a_body_is_posted_with_its_type():
    with answering(b'{"a": 1}') as (url, heard):
        assert asked(f"{url}/", "/x", dict, b"id,label", "text/csv") == {"a": 1}
    assert (heard.paths, heard.bodies, heard.types) == (["/x"], [b"id,label"], ["text/csv"])


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b'{"detail": "line 3: no label"}', 400, "line 3: no label"),
        (b"<html>", 502, "answered 502"),
        (b"[1, 2", 200, "cannot read"),
    ],
)
def test_a_refusal_is_told_with_the_address(body, status, told):
    with answering(body, status) as (url, _), pytest.raises(SidecarError, match=told) as error:
        asked(url, "/x", dict)
    assert str(error.value).startswith(url)


def test_nobody_there_and_no_address_at_all():
    with pytest.raises(SidecarError, match="no answer"):
        asked(f"http://127.0.0.1:{free_port()}", "/x", dict)
    with pytest.raises(UsageError, match="is not a URL"):
        asked("127.0.0.1:9702", "/x", dict)
