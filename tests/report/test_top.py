import asyncio

import pytest

from sidecar import cli
from sidecar.errors import SidecarError
from sidecar.report.top import shown
from tests.console.admin import asked, drifted


async def test_it_is_asked_of_the_admin_address(baseline):
    async with asked(drifted(baseline)) as client:
        told = await asyncio.to_thread(shown, str(client.make_url("/")), colours=False)
    assert "Feature drift" in told


def test_nobody_there_is_said():
    with pytest.raises(SidecarError, match="no answer"):
        shown("http://127.0.0.1:9", colours=False)
    assert cli.main(["top", "--admin", "http://127.0.0.1:9"]) != 0
