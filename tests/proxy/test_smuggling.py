"""Every row of the two tables, fed whole, again (heads are recalled then), and piece by piece."""

import asyncio
import contextlib

import pytest

from tests.proxy import smuggling
from tests.proxy.dialogue import Peer, Stage, answered, sidecar, without_ours
from tests.proxy.reference import ReferenceModel, Understood

GET = b"GET / HTTP/1.1\r\nHost: m\r\n\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: m\r\n\r\n"
ATTACKS = {f"{group}: {row.name}": row for group, rows in smuggling.REQUESTS.items() for row in rows}
MISCHIEF = {row.name: row for row in smuggling.RESPONSES}


async def answers(caller: Peer) -> str:
    """The statuses of all that a caller gets, with the causes of our own answers."""
    got = [await answer(caller)]
    caller.finish()
    while await caller.arrives():
        got.append(await answer(caller))
    return ", ".join(status for status in got if status != "100")  # asked whether it is still there


async def answer(caller: Peer) -> str:
    """The status of the next answer, with the cause if it is our own."""
    response = await caller.response()
    cause = response.field("x-sidecar-error")
    if cause is None:
        return f"{response.status}"
    response.problem()
    return f"{response.status} {cause}"


async def deliver(
    stage: Stage, model: ReferenceModel, sent: bytes, size: int = 0
) -> tuple[str, list[Understood]]:
    """Send it on a new connection: what the caller gets, and the whole requests that the model gets."""
    before = len(model.requests)
    caller = await stage.caller()
    with contextlib.suppress(ConnectionError):  # it may be refused before all is sent
        await caller.send(sent, size=size)
    return await answers(caller), [request.without_ours() for request in model.requests[before:]]


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
async def test_a_request(attack):
    async with sidecar() as stage, ReferenceModel(stage.listening) as model:
        for time in (1, 2):
            got, requests = await deliver(stage, model, attack.sent)
            assert got == attack.caller
            assert bool(requests) == bool(attack.model)
            assert attack.late or without_ours(model.raw) == attack.model * time
            assert not model.faults


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
async def test_a_request_in_pieces_comes_to_the_same(attack):
    """Less what has gone on before the fault was seen: a request that the model never gets whole."""
    async with sidecar() as stage, ReferenceModel(stage.listening) as model:
        whole = await deliver(stage, model, attack.sent)
        pieces = await deliver(stage, model, attack.sent, 1 if len(attack.sent) < 1000 else 1000)
        assert whole == pieces
        assert not model.faults


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
async def test_a_request_with_another_after_it(attack):
    """What follows a refusal is never taken for a request; what follows a good request always is."""
    goes_on = attack.caller.endswith(smuggling.PASSED) and b"close" not in attack.sent
    async with sidecar() as stage, ReferenceModel(stage.listening) as model:
        got, _ = await deliver(stage, model, attack.sent + NEXT)
        assert got == (f"{attack.caller}, 200" if goes_on else attack.caller)
        assert attack.late or without_ours(model.raw) == attack.model + (NEXT if goes_on else b"")


FEEDS = {
    f"{name}, {'in pieces' if size else 'whole'}": (row, size)
    for name, row in MISCHIEF.items()
    for size in ((0,) if row.late else (0, 1))
}


@pytest.mark.parametrize(("mischief", "size"), FEEDS.values(), ids=FEEDS)
async def test_a_response(mischief, size):
    keeps = mischief is smuggling.RESPONSES[-1]
    async with sidecar() as stage:
        for _ in range(2):
            caller = await stage.caller()
            await caller.send(GET.replace(b"GET", mischief.to.encode()))
            model = await stage.model()
            await model.request()
            sending = asyncio.get_running_loop().create_task(
                model.send(mischief.sent, size=1000 * size if len(mischief.sent) > 1000 else size)
            )
            response = await caller.response(to=mischief.to)
            cause = response.field("x-sidecar-error")
            assert f"{response.status} {cause or ''}".strip() == mischief.caller
            if cause:
                response.problem()
            else:
                assert response.body == mischief.body
                answered(response.head)
            await caller.quiet(0.01)
            await asyncio.gather(sending, return_exceptions=True)
            if not keeps:
                await model.rest()
            model.close()
            caller.close()


def test_the_document_has_these_tables():
    text = smuggling.DOCUMENT.read_text()
    assert smuggling.documented(text) == text, "run: python -m tests.proxy.smuggling"
