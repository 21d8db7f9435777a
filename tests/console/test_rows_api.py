import pytest

from tests.console.admin import asked, drifted


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/api/v1/features?limit=0", "limit"),
        ("/api/v1/features?offset=x", "offset"),
        ("/api/v1/features?feature=nobody", "feature"),
        ("/api/v1/features?fature=x7", "fature"),
    ],
)
async def test_what_is_wrong_is_named(baseline, path, parameter):
    async with asked(drifted(baseline)) as client, client.get(path) as answer:
        assert answer.status in (400, 404)
        assert (await answer.json(content_type=None))["parameter"] == parameter


async def test_inputs_and_one_of_them(baseline):
    async with asked(drifted(baseline)) as client:
        found = await (await client.get("/api/v1/features?model=glass&limit=3")).json()
        assert [len(flow["fields"]) for flow in found["flows"]] == [3]
        one = await (await client.get("/api/v1/features?feature=x7")).json()
        assert one["name"] == "x7"
