"""Log lines: one JSON object each, whatever stands in the message."""

import json
import logging
import subprocess
import sys

import pytest

from sidecar.logs import JsonLines


def line(message: str, *values: object, error: bool = False) -> str:
    exc_info = None
    if error:
        try:
            raise ValueError("planted\nover two lines")
        except ValueError:
            exc_info = sys.exc_info()
    record = logging.LogRecord("sidecar.test", logging.WARNING, __file__, 1, message, values, exc_info)
    record.created = 1_790_000_000.1239
    return JsonLines("plane").format(record)


def test_a_line():
    assert json.loads(line("%s of %d", "one", 2)) == {
        "time": "2026-09-21T14:13:20.123Z",
        "level": "warning",
        "process": "plane",
        "logger": "sidecar.test",
        "message": "one of 2",
    }


def test_an_error_brings_its_traceback():
    shown = json.loads(line("it broke", error=True))["error"]
    assert shown.startswith("Traceback (most recent call last):")
    assert shown.endswith("ValueError: planted\nover two lines")


@pytest.mark.parametrize("text", ['x"\n{"level": "error"}', "a\r\nb", "\x1b[31m", "\u2028", "é", '\\"'])
def test_no_message_can_forge_a_line(text):
    written = line("%s", text)
    assert "\n" not in written
    assert "\r" not in written
    assert "\x1b" not in written
    assert json.loads(written)["message"] == text


def test_level_and_stream():
    program = (
        "import logging; from sidecar.logs import configure; configure('warning', 'observer');"
        "logging.getLogger('a').info('quiet'); logging.getLogger('a').warning('loud')"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout == ""
    [only] = shown.stderr.splitlines()
    assert json.loads(only)["message"] == "loud"
    assert json.loads(only)["process"] == "observer"
