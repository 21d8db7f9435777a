"""The other models that policies name: a pool for each, as long as it is named."""

from sidecar.proxy.others import Others
from sidecar.settings import Settings
from tests.policy.documents import policy
from tests.proxy.dialogue import GET, OK, listening, put_in_force, sidecar

SETTINGS = Settings(upstream="http://127.0.0.1:1", connect_timeout=0.5)


def test_a_pool_is_made_once_and_goes_with_its_name():
    others = Others()
    one = others.pool("http://127.0.0.1:2", SETTINGS)
    assert others.pool("http://127.0.0.1:2", SETTINGS) is one
    assert (one.address.port, one.connect_timeout) == (2, 0.5)
    others.keep({"http://127.0.0.1:2"})
    assert others.pool("http://127.0.0.1:2", SETTINGS) is one
    others.expire(0.0)
    others.close()
    assert others.pool("http://127.0.0.1:2", SETTINGS) is not one
    others.close()


async def test_a_model_that_no_policy_names_any_more_keeps_no_connection():
    with listening() as other:
        url = f"http://127.0.0.1:{other.getsockname()[1]}"
        async with sidecar(policies=policy(f"{{name: elsewhere, action: fallback, to: '{url}'}}")) as stage:
            caller = await stage.caller()
            await caller.send(GET)
            model = await stage.accept(other)
            await model.request()
            put_in_force(policy("{name: all, action: tag}"), stage.run_dir)  # while the call is in flight
            await stage.until(lambda: not stage.plane.policing.rulebook.others, "the other policy")
            await model.send(OK)
            assert (await caller.response()).body == b"ok"
            await model.gone()
