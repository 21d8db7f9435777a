"""What comes before the model is called: a score when a policy needs one, and a policy's own answer."""

import json

from tests.policy.documents import policy
from tests.proxy.dialogue import GET, OK, POST, http, sidecar

CLOSED = policy("{name: closed, action: block}")


async def test_a_call_is_blocked_and_the_model_is_not_asked():
    rules = policy("{name: no-delete, when: 'method == \"DELETE\"', action: block, detail: Not here.}")
    async with sidecar(policies=rules) as stage:
        caller = await stage.caller()
        await caller.send(http("DELETE /v2/models/m HTTP/1.1", "Host: m"))
        response = await caller.response()
        problem = json.loads(response.body)
        assert (response.status, problem["status"], problem["detail"]) == (403, 403, "Not here.")
        assert problem["type"] == "urn:sidecar:error:blocked"
        assert response.field("x-policy-action") == 'block; rule="p/no-delete"'
        await stage.no_model()
        await caller.send(GET)  # the connection goes on
        model = await stage.model()
        await model.request()
        await model.send(OK)
        assert (await caller.response()).field("x-policy-action") == 'allow; rule="default"'
        blocked, passed = await stage.records(2)
        assert (blocked.action, blocked.rule, blocked.status) == ("block", "p/no-delete", 403)
        assert (blocked.failure, blocked.forwarded_ns) == ("", 0)
        assert (passed.action, passed.rule) == ("allow", "default")


async def test_a_block_has_the_status_and_the_body_that_the_policy_says():
    rules = policy("{name: teapot, action: block, status: 418, body: '{\"label\": null}'}")
    async with sidecar(policies=rules) as stage:
        caller = await stage.caller()
        await caller.send(POST)
        response = await caller.response()
        assert (response.status, json.loads(response.body)) == (418, {"label": None})
        assert response.field("content-type") == "application/json"
        assert response.field("x-sidecar-error") == "blocked"


async def test_head_is_answered_without_a_body():
    async with sidecar(policies=CLOSED) as stage:
        caller = await stage.caller()
        await caller.send(http("HEAD / HTTP/1.1", "Host: m"))
        response = await caller.response(to="HEAD")
        assert (response.status, response.body) == (403, b"")
        await caller.send(GET)
        assert (await caller.response()).status == 403


async def test_a_body_that_is_still_coming_is_not_waited_for():
    async with sidecar(policies=CLOSED) as stage:
        caller = await stage.caller()
        await caller.send(http("POST / HTTP/1.1", "Host: m", "Content-Length: 1000000"))
        response = await caller.response()
        assert response.status == 403
        assert response.field("connection") == "close"
        caller.finish()
        await caller.gone()
