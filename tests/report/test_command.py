"""What is said, and what is refused. The page itself is in test_page."""

import asyncio

import pytest

from sidecar import cli
from tests.console.admin import asked, drifted


@pytest.fixture
def run(capsys):
    def run(*arguments):
        code = cli.main(["report", *map(str, arguments)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


async def test_a_running_sidecar_is_asked_and_a_page_written(run, baseline, tmp_path):
    observer = drifted(baseline)
    out = tmp_path / "report.html"
    async with asked(observer) as client:
        admin = str(client.make_url("/")).rstrip("/")
        flags = ("--admin", admin, "-o", out, "--since", "90min")
        code, said, wrong = await asyncio.to_thread(run, *flags)
        assert (code, wrong) == (0, "")
        assert said.startswith(f"Wrote {out} (")
        assert "feature-drift" in said
        assert out.read_text(encoding="utf-8").startswith("<!doctype html>")
        code, _, wrong = await asyncio.to_thread(run, *flags)
        assert (code, "exists already" in wrong) == (2, True)
        code, _, _ = await asyncio.to_thread(run, *flags, "--force")
        assert code == 0


@pytest.mark.parametrize(
    ("flags", "code", "complaint"),
    [
        (("--since", "yesterday"), 2, "--since yesterday: "),
        (("--since", "0"), 2, "is no time"),
        (("--admin", "ftp://x"), 2, "is not a URL"),
        (("--admin", "http://127.0.0.1:1"), 1, "no answer"),
    ],
)
def test_what_cannot_be_done_is_said(run, tmp_path, flags, code, complaint):
    found = run("-o", tmp_path / "report.html", *flags)
    assert found[0] == code
    assert complaint in found[2]
    assert not (tmp_path / "report.html").exists()


async def test_a_place_that_cannot_be_written_is_named(run, baseline, tmp_path):
    async with asked(drifted(baseline)) as client:
        admin = str(client.make_url("/")).rstrip("/")
        out = tmp_path / "no" / "report.html"
        code, _, wrong = await asyncio.to_thread(run, "--admin", admin, "-o", out)
    assert (code, "cannot be written" in wrong) == (1, True)
