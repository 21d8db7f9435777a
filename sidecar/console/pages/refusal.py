"""What is not there, or may not be seen, said to a person. Pure functions.

Counterpart: `sidecar.console.problem`, the same for programs."""

from __future__ import annotations

from sidecar.console.pages import frame, marks
from sidecar.console.pages.marks import link, tag
from sidecar.console.views import View
from sidecar.report.tables import Html


def page(title: str, detail: str, overview: View | None) -> Html:
    """The page. `overview` is None where nothing may be told of the sidecar, or nothing can be."""
    said = marks.empty(title, detail)
    if overview is not None:
        back = tag("p", link("/", "← Overview"), class_="back")
        return frame.page("", title, overview, back, tag("section", said, class_="card"))
    return frame.bare(
        f"sidecar: {title}", tag("main", tag("h1", title), tag("p", detail), class_="sign-in", id="main")
    )
