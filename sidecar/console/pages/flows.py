"""Which flow a page is about: one model, version and route of several. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sidecar.console.pages.marks import link, query, tag
from sidecar.console.views import View
from sidecar.report.tables import Html, flow_name, same_flow

NAMES = ("model", "version", "route")


def wanted(parameters: Mapping[str, str]) -> View:
    """The flow that an address names; all empty when it names none."""
    return {name: parameters.get(name, "") for name in NAMES}


def chosen(flows: Sequence[View], flow: View) -> View | None:
    """That of `flows` which has the names of `flow`."""
    return next((one for one in flows if same_flow(one, flow)), None)


def address(path: str, flow: View, **more: object) -> str:
    """A page's address for this flow."""
    return query(path, **{name: flow[name] for name in NAMES}, **more)


def chooser(path: str, flows: Sequence[View], now: View) -> Html:
    """Links to the same page of the other flows; empty where there is only one."""
    if len(flows) < 2:
        return Html()
    links = (
        tag(
            "li",
            link(address(path, one), flow_name(one), aria_current="true" if same_flow(one, now) else None),
        )
        for one in flows
    )
    return tag("nav", tag("ul", *links), class_="chooser", aria_label="Models, versions and routes")
