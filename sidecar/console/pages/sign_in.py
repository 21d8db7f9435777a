"""The form for a token, shown where a browser comes without one. Works without a script."""

from __future__ import annotations

from sidecar.console.pages import frame
from sidecar.console.pages.marks import html, tag
from sidecar.report.tables import Html

_FIELD = Html(
    '<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>'
    '<button type="submit">Sign in</button>'
)


def page(wrong: str = "") -> Html:
    """The page with the form. `wrong`: why the last try failed."""
    form = tag(
        "form",
        tag("label", "Token", for_="token"),
        _FIELD,
        tag("p", wrong, class_="wrong", role="alert") if wrong else "",
        method="post",
        action="/sign-in",
    )
    words = "The token stands in the file that the setting admin-token or admin-read-token names."
    inside = (tag("h1", "This sidecar asks for a token"), tag("p", words), form)
    return frame.bare("sidecar: sign in", html((tag("main", *inside, class_="sign-in", id="main"),)))
