import msgspec

from sidecar.console.history_view import history
from sidecar.console.views import when
from tests.console.admin import asked, drifted
from tests.observer.real import draw
from tests.observer.talk import of_rows


def test_changes_closed_windows_and_courses_are_told(baseline):
    observer = drifted(baseline)
    for i in range(110):
        observer.clock.now += 0.2
        rows = draw(10, seed=100 + i)
        observer.take_in([of_rows(i, rows, baseline.digest, version="2", response_body=b"")])
    found = history(observer)
    (stable, drift, *_) = found["changes"]
    assert (stable["verdict"], stable["subject"], stable["since"]) == ("stable", "", None)
    assert (drift["verdict"], drift["subject"], drift["part"]) == ("feature-drift", "x7", "feature")
    assert drift["log_evidence"]["inputs"] >= drift["thresholds"]["inputs"]
    (closed,) = found["closed"]
    assert (closed["version"], closed["why"], closed["verdict"]) == ("", "other-version", "feature-drift")
    assert closed["inputs"][0]["name"] == "x7"
    assert closed["alarms"][0]["features"][0]["feature"] == "x7"
    assert {course["version"] for course in found["courses"]} == {"", "2"}
    assert found["courses"][0]["points"][-1]["rows"] > 0
    assert msgspec.json.decode(msgspec.json.encode(found))["now"] == when(observer.clock.now)
    later = history(observer, since=observer.clock.now + 1)
    assert (later["changes"], later["closed"], later["courses"][0]["points"]) == ([], [], [])


async def test_it_is_served(baseline):
    observer = drifted(baseline)
    async with asked(observer) as client:
        whole = await (await client.get("/api/v1/history")).json()
        assert [one["verdict"] for one in whole["changes"]] == ["stable", "feature-drift"]
        later = await (
            await client.get("/api/v1/history", params={"since": str(observer.clock.now + 1)})
        ).json()
        assert later["changes"] == []
        assert (await client.get("/api/v1/history?since=yesterday")).status == 400
