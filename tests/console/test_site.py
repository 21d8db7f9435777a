import re

import msgspec
import pytest

from sidecar.console import site
from sidecar.console.site import FILES, SITE, STATIC
from sidecar.observer.edges import Counts, Edge
from sidecar.observer.observer import Observer
from tests.console.admin import asked, drifted
from tests.console.seen import HOSTILE, check
from tests.observer.real import draw
from tests.observer.talk import batch, of_rows, record
from tests.observer.test_observer import Clock, settings

PAGES = [path for path in SITE if "{" not in path and path != "/sign-in"]


def hostile(baseline, observer):
    """Everything that callers can name is called something that would run."""
    (flow,) = observer.traffic.flows.values()
    flow.drift.names = (HOSTILE, *flow.drift.names[1:])
    flow.inputs.fields = (
        msgspec.structs.replace(flow.inputs.fields[0], name=HOSTILE),
        *flow.inputs.fields[1:],
    )
    names = {"id": HOSTILE, "target": f"/{HOSTILE}", "model": HOSTILE, "method": HOSTILE}
    observer.take_in([record(9000, **names, verdict="outlier", client=HOSTILE, host=HOSTILE, reason=HOSTILE)])
    observer.edges.counts[Edge(HOSTILE, "b")] = Counts(100, 300, 1, flagged=14, upstream_odd=20, both=10)
    observer.hear(batch(baseline=baseline.directory, refused=HOSTILE))
    return observer


async def page(client, path, status=200):
    async with client.get(path, headers={"Accept": "text/html"}) as answer:
        assert answer.status == status, await answer.text()
        assert answer.content_type == "text/html"
        return check(await answer.text())


@pytest.mark.parametrize("path", PAGES)
async def test_pages_say_something_before_anything_was_heard(path):
    async with asked(Observer(settings(learn_rows=7), Clock())) as client:
        seen = await page(client, path)
    assert "no data plane worker is connected" in seen.words


@pytest.mark.parametrize("path", [*PAGES, "/outliers?verdict=all"])
async def test_what_callers_call_things_is_text(baseline, path):
    async with asked(hostile(baseline, drifted(baseline))) as client:
        seen = await page(client, path)
    if path in ("/", "/features", "/chain", "/health", "/outliers?verdict=all"):
        assert "<script>alert(1)" in seen.words


async def test_one_hostile_call_is_text_too(baseline):
    async with asked(hostile(baseline, drifted(baseline))) as client:
        seen = await page(client, "/outliers")
        (link,) = {one for one in seen.links() if one.startswith("/exchanges/%22")}
        assert "<script>alert(1)" in (await page(client, link)).words


async def test_the_drifted_feature_is_named_from_the_first_page_on(baseline):
    async with asked(drifted(baseline)) as client:
        first = await page(client, "/")
        assert "Needs you" in first.words
        assert "x7" in first.words
        second = await page(client, "/features")
        (link,) = [one for one in second.links() if one.endswith("feature=x7")]
        third = await page(client, link)
        assert "Left the reference" in third.words
        assert "x7" in third.words
        assert len(re.findall("chart-mean", str([a for _, a in third.elements]))) == 1


async def test_groups_their_map_and_their_files_are_on_the_page_of_outliers(grouped):
    async with asked(grouped) as client:
        seen = await page(client, "/outliers")
        first = grouped.cohorts.found.cohorts[0]
        assert first.group.traits[0].words in seen.words
        assert f"/api/v1/cohorts/{first.id}/rows.csv" in seen.links()
        assert any(attributes.get("data-sx") for tag, attributes in seen.elements if tag == "svg")


async def test_who_comes_has_groups_searched_for_and_a_page_that_is_drawn_again_has_not(grouped):
    odd = of_rows(500, draw(3, seed=9), grouped.traffic.digest, flagged=(1,), row_p=(0.9, 0.004, 0.9))
    grouped.take_in([odd])
    async with asked(grouped) as client:
        async with client.get("/outliers", headers={site.REDRAWN: "yes"}) as answer:
            assert "a new search is under way" not in await answer.text()
        assert "a new search is under way" in (await page(client, "/outliers")).words
    assert grouped.cohorts.due(grouped.clock()) is not None


async def test_a_call_is_shown_with_its_rows_and_a_way_to_its_trace(baseline):
    observer = drifted(baseline)
    async with asked(observer) as client:
        seen = await page(client, "/exchanges/call-1000")
        assert "[redacted]" in seen.words or "Bearer" not in seen.words
        (way,) = [one for one in seen.links() if one.startswith("/trace/")]
        assert "the model" in (await page(client, way)).words
    observer.settings = msgspec.structs.replace(observer.settings, trace_url="/viewer/{trace}")
    async with asked(observer) as client:
        seen = await page(client, "/exchanges/call-1000")
        assert way.replace("/trace/", "/viewer/") in seen.links()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/features?feature=nobody", 404),
        ("/features?offset=-1", 400),
        ("/exchanges/nobody", 404),
        ("/outliers?verdict=odd", 400),
        ("/trace/../secret", 404),
        ("/trace/xyz", 400),
        ("/static/../api.py", 404),
        ("/static/nothing.js", 404),
    ],
)
async def test_what_is_not_there_is_said(baseline, path, status):
    async with asked(drifted(baseline)) as client, client.get(path) as answer:
        assert answer.status == status
        assert (await answer.json(content_type=None))["detail"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/exchanges/nobody", "not among the calls that are kept"),
        ("/nowhere", "/nowhere is not here"),
        (f"/features?feature={HOSTILE}", "is no input"),
    ],
)
async def test_a_person_is_told_on_a_page_and_can_go_on(baseline, path, words):
    async with asked(drifted(baseline)) as client:
        seen = await page(client, path, 404)
    assert words in seen.words
    assert {"/", "/outliers"} <= set(seen.links())


async def test_who_may_not_look_and_who_meets_an_error_learn_nothing_of_the_sidecar(baseline, monkeypatch):
    async with asked(drifted(baseline)) as client:
        headers = {"Accept": "text/html", "Host": "elsewhere.example"}
        async with client.get("/outliers", headers=headers) as answer:
            assert answer.status == 403
            seen = check(await answer.text())
        assert "only callers on the sidecar's machine" in seen.words
        assert seen.links() == []
        monkeypatch.setattr(site.overview_view, "overview", None)
        assert "See the sidecar's log" in (await page(client, "/", 500)).words


async def test_files_come_with_their_types_and_may_be_kept_but_asked_for():
    async with asked(Observer(settings(), Clock())) as client:
        for name in FILES:
            async with client.get(f"/static/{name}") as answer:
                assert answer.status == 200
                assert answer.headers["Cache-Control"] == "no-cache"
                kind = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
                assert answer.content_type == kind[name.rpartition(".")[2]]
    kept = {path.name for path in STATIC.iterdir() if path.suffix in (".js", ".css", ".svg")}
    assert kept == set(FILES)
    assert (STATIC / "uplot.LICENSE.txt").exists()


def test_the_policy_allows_our_own_files_and_nothing_inline():
    policy = dict(part.strip().split(" ", 1) for part in site.HEADERS["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"


def test_the_script_says_that_a_page_is_open_already():
    assert f'"{site.REDRAWN}"' in (STATIC / "live.js").read_text(encoding="utf-8")


def test_our_own_files_fetch_nothing_from_elsewhere():
    for name in FILES:
        text = (STATIC / name).read_text(encoding="utf-8")
        assert "@import" not in text
        assert not re.search(r"url\(|innerHTML|eval\(", text) or name.startswith("uplot")
        addresses = re.findall(r"https?://[^\s\"')]+", text)
        assert [one for one in addresses if "w3.org" not in one and "github.com/leeoniya" not in one] == []


async def test_colours_of_the_map_stand_in_the_style_sheet(grouped):
    async with asked(grouped) as client, client.get("/outliers") as answer:
        drawn = set(re.findall(r'<path class="(\w+)" d="M', await answer.text()))
    style = (STATIC / "console.css").read_text(encoding="utf-8")
    assert drawn <= set(re.findall(r"\.(\w+) \{ color", style))
