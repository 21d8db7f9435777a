import msgspec
import pytest

from sidecar.console.guard import COOKIE, SESSION_SECONDS, Asked, Guard
from sidecar.observer.observer import Observer
from tests.console.admin import asked
from tests.console.seen import check
from tests.observer.test_observer import Clock, settings

FORM = "application/x-www-form-urlencoded"
WRITE, READ = "w" * 32, "r" * 32
HERE = Asked("127.0.0.1", "127.0.0.1:9702")
AWAY = Asked("10.0.0.7", "10.0.0.5:9702")


@pytest.fixture
def files(tmp_path):
    (tmp_path / "write").write_text(f"{WRITE}\n")
    (tmp_path / "read").write_text(READ)
    return {"admin_token": str(tmp_path / "write"), "admin_read_token": str(tmp_path / "read")}


@pytest.mark.parametrize(
    ("who", "role"),
    [
        (HERE, "write"),
        (Asked("::1", "[::1]:9702"), "write"),
        (Asked("::ffff:127.0.0.1", "localhost:9702"), "write"),
        (AWAY, "health"),
        (Asked("127.0.0.6", "127.0.0.1:9702"), "health"),
        (Asked("127.0.0.1", "rebound.evil.test:9702"), "health"),
        (Asked("127.0.0.1", ""), "health"),
        (Asked("127.0.0.1", "[::1"), "health"),
        (Asked("127.0.0.1", "127.0.0.1:9702", forwarded=True), "health"),
        (AWAY._replace(bearer=WRITE), "health"),
    ],
)
def test_without_tokens_callers_on_this_machine_may_do_all_and_others_see_its_health(who, role):
    assert Guard(settings()).role(who, 0.0) == role


@pytest.mark.parametrize("level", ["health", "read", "write"])
def test_others_may_do_what_the_setting_says(level):
    assert Guard(settings(admin_open=level)).role(AWAY, 0.0) == level


def test_tokens_are_asked_for_on_this_machine_too(files):
    guard = Guard(settings(**files))
    assert guard.role(HERE, 0.0) == "health"
    assert guard.role(AWAY._replace(bearer=READ), 0.0) == "read"
    assert guard.role(AWAY._replace(bearer=WRITE), 0.0) == "write"
    assert guard.role(AWAY._replace(bearer=WRITE[:-1]), 0.0) == "health"
    for text in ("é", "\udcff"):
        assert guard.role(AWAY._replace(bearer=text), 0.0) == "health"


def test_a_session_lasts_a_day_and_as_long_as_its_token(files, tmp_path):
    guard = Guard(settings(**files))
    cookie = guard.session(READ, 1000.0)
    assert READ not in cookie
    assert guard.role(AWAY._replace(cookie=cookie), 1001.0) == "read"
    assert guard.role(AWAY._replace(cookie=cookie), 1001.0 + SESSION_SECONDS) == "health"
    longer = f"{10**9}.{cookie.partition('.')[2]}"
    assert guard.role(AWAY._replace(cookie=longer), 1001.0) == "health"
    for bad in ("", ".", "é.x", "9" * 400, f"{cookie}0", f"{10**9}.\udcff"):
        assert guard.role(AWAY._replace(cookie=bad), 1001.0) == "health"
    (tmp_path / "read").write_text("another token, long enough")
    assert guard.role(AWAY._replace(cookie=cookie), 1001.0) == "health"


def test_tokens_that_cannot_be_read_let_nobody_in(files, tmp_path, caplog):
    guard = Guard(settings(**files))
    (tmp_path / "write").unlink()
    assert guard.role(AWAY._replace(bearer=WRITE), 0.0) == "health"
    assert "cannot be read" in caplog.text
    (tmp_path / "write").write_text("\n")
    assert guard.role(AWAY._replace(bearer=""), 0.0) == "health"


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


async def test_probes_and_metrics_need_no_token_and_the_rest_does(files):
    async with asked(Observer(settings(**files), Clock())) as client:
        for path in ("/healthz", "/metrics"):
            assert (await client.get(path)).status == 200
        refused = await client.get("/api/v1/status")
        assert refused.status == 401
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")
        assert (await client.get("/api/v1/nothing")).status == 401, "not even what there is"
        assert (await client.get("/api/v1/status", headers=bearer(READ))).status == 200
        post = {"data": b"[]", "headers": {**bearer(READ), "Content-Type": "application/json"}}
        assert (await client.post("/api/v1/labels", **post)).status == 403
        post["headers"] |= bearer(WRITE)
        assert (await client.post("/api/v1/labels", **post)).status == 200


async def pieces(piece):
    for _ in range(5):
        yield piece


async def test_a_browser_signs_in_and_its_cookie_is_no_use_to_other_sites(files):
    async with asked(Observer(settings(**files), Clock())) as client:
        form = await client.get("/", headers={"Accept": "text/html"})
        assert form.status == 401
        assert "token" in check(await form.text()).words
        wrong = await client.post("/sign-in", data={"token": "guess"})
        assert wrong.status == 401
        right = await client.post("/sign-in", data={"token": READ}, allow_redirects=False)
        assert right.status == 303
        cookie = right.cookies[COOKIE]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Strict"
        shown = {"Cookie": f"{COOKIE}={cookie.value}"}
        assert (await client.get("/", headers=shown)).status == 200
        foreign = {"Origin": "http://evil.test", "Sec-Fetch-Site": "cross-site"}
        assert (await client.post("/sign-in", data={"token": READ}, headers=foreign)).status == 403
        for whole in (b"x" * 5000, pieces(b"x" * 1000)):
            long = await client.post("/sign-in", data=whole, headers={"Content-Type": FORM})
            assert long.status == 413
        other = {"Content-Type": f"{FORM}; charset=none-such"}
        assert (await client.post("/sign-in", data=b"token=%ff", headers=other)).status == 401


async def test_a_page_by_name_may_write_once_it_is_signed_in(files):
    observer = Observer(settings(**files), Clock())
    ours = "sidecar.team.test"
    named = {"Host": ours, "Origin": f"http://{ours}", "Sec-Fetch-Site": "same-origin"}
    post = {"data": b"[]", "headers": {**named, **bearer(WRITE), "Content-Type": "application/json"}}
    async with asked(observer) as client:
        assert (await client.post("/api/v1/labels", **post)).status == 200
    observer.settings = msgspec.structs.replace(observer.settings, admin_token="", admin_read_token="")
    async with asked(observer) as client:
        assert (await client.post("/api/v1/labels", **post)).status == 403
