"""One trace as far as the sidecars keep it, where no viewer of traces is set. Pure functions."""

from __future__ import annotations

from sidecar.console.pages import marks
from sidecar.console.pages.chain_pictures import waterfall
from sidecar.console.pages.marks import card, moment, tag
from sidecar.console.pages.outliers import call
from sidecar.console.views import View
from sidecar.report.tables import Html, table
from sidecar.report.units import seconds

_MEANS = (
    "Each sidecar's part of the trace: what it served, and within that what its model took. A viewer of"
    " traces shows more; the setting trace-url makes this a link there."
)


def parts(found: View) -> list[Html]:
    """What stands on the page. `found`: of `/api/v1/traces/{id}`."""
    source = f"/api/v1/traces/{found['trace']}"
    if not found["spans"]:
        words = "Only the latest calls and odd ones are kept; this one's are gone, or were never heard of."
        return [
            card("trace", "Trace", marks.empty("Nothing is kept of it", words), source=source, live=False)
        ]
    head = ("Service", "Call", "Began", "#Took", "#Status", "Verdict", "Which")
    rows = (
        [
            one["service"],
            one["name"],
            moment(one["started"]),
            seconds(one["seconds"]),
            one["status"],
            one["verdict"],
            call(one["call"]),
        ]
        for one in found["spans"]
    )
    missing = [tag("p", f"Not heard: {one}", class_="wrong") for one in found["missing"]]
    picture = tag("figure", waterfall(found["spans"]), class_="graph")
    title = f"{len(found['spans'])} spans"
    body = marks.html((tag("p", tag("code", found["trace"])), picture, table(head, rows), *missing))
    return [card("trace", title, body, means=_MEANS, source=source, live=False)]
