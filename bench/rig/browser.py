"""A real Chromium, and all that goes wrong on a page while somebody looks at it.

Playwright drives the Chromium of Debian's package; it downloads none. Counterparts: `bench.console` measures
with it, `tests/stories/test_console.py` tells a story in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

SIZE: Any = {"width": 1280, "height": 860}


def program() -> str | None:
    """Where Chromium is; None where it isn't."""
    return shutil.which("chromium")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that ends with the context. No sandbox: it only ever visits our own pages, often as root."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program(), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


class Visit:
    """One page, and what must not happen on it."""

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        self.url = url
        self.page: Page = browser.new_page(viewport=SIZE, **options)
        self.wrong: list[str] = []
        """Errors of scripts and console, and requests to anybody but the sidecar."""
        self.page.on("pageerror", lambda error: self.wrong.append(f"script: {error}"))
        self.page.on("console", self._said)
        self.page.on("request", self._asked)
        self.page.on("dialog", lambda dialog: (self.wrong.append("a dialog"), dialog.dismiss()))

    def to(self, path: str) -> Page:
        """Go there."""
        self.page.goto(self.url + path)
        return self.page

    def _said(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(f"console: {message.text}")

    def _asked(self, request: Any) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.url).netloc:
            self.wrong.append(f"request to {request.url}")
