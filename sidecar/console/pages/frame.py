"""What is around every page: the way to the others, the state of the whole, and the scripts.

Nothing in it is inline, so the Content-Security-Policy allows no inline script or style. Counterpart:
static/console.js.
"""

from __future__ import annotations

from sidecar.console.pages.marks import html, link, state, tag
from sidecar.console.views import View
from sidecar.report.tables import Html

PAGES = (
    ("/", "Overview"),
    ("/features", "Features"),
    ("/outliers", "Outliers"),
    ("/attacks", "Attacks"),
    ("/chain", "Chain"),
    ("/performance", "Performance"),
    ("/policies", "Policies"),
    ("/health", "Health"),
)
"""Path and name of every page that the navigation leads to."""

REFRESH_SECONDS = 5
"""Between two pages of a browser without scripts."""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="/static/icon.svg"><link rel="stylesheet" href="/static/uplot.css">
<link rel="stylesheet" href="/static/console.css">
{scripts}</head>
<body>{body}</body></html>
"""

_SCRIPTS = Html(
    f'<noscript><meta http-equiv="refresh" content="{REFRESH_SECONDS}"></noscript>\n'
    '<script src="/static/uplot.js" defer></script>\n'
    '<script src="/static/console.js" type="module"></script>\n'
)


def page(path: str, title: str, overview: View, *parts: object) -> Html:
    """A whole page. `overview`: what the frame says of the whole; `parts`: what stands on it. The page
    carries the stamp of what it shows, so that the script knows whether any news is news to it."""
    about = tag("p", overview["service"], tag("span", overview["upstream_url"]), class_="about")
    name = link("/", tag("span", "side", class_="side"), "car", class_="name", aria_label="sidecar, overview")
    body = html(
        (
            link("#main", "Skip to the content", class_="skip"),
            tag("header", name, about, navigation(path), class_="bar"),
            tag("p", "", id="stale", role="status", hidden=""),
            tag(
                "main",
                tag("div", tag("h1", title), whole(overview), class_="top"),
                *parts,
                id="main",
                tabindex="-1",
                data_stamp=overview["stamp"],
                data_records=overview["records"],
            ),
            tag("footer", _foot(), class_="foot"),
        )
    )
    return bare(f"{overview['service']}: {title}", body, _SCRIPTS)


def bare(title: str, body: Html, scripts: Html = Html()) -> Html:  # noqa: B008  an empty text doesn't change
    """A page without anything around it."""
    return Html(_PAGE.format(title=html((title,)), scripts=scripts, body=body))


def whole(overview: View) -> Html:
    """The state of the whole, on every page."""
    said = state(overview["state"], overview["headline"])
    return tag("p", said, id="whole", class_="whole", data_live="", aria_live="polite")


def navigation(path: str) -> Html:
    """The way to every page."""
    links = (
        tag("li", link(href, name, aria_current="page" if href == path else None)) for href, name in PAGES
    )
    return tag("nav", tag("ul", *links), aria_label="Pages")


def _foot() -> Html:
    paths = ("status", "windows", "drift", "verdict", "history", "exchanges")
    links = [link(f"/api/v1/{name}", name) for name in paths]
    links += [link("/metrics", "metrics"), link("/readyz", "readiness")]
    return html(("Everything as data: ", *(html((one, " ")) for one in links)))
