"""Every way to say where sidecars are, and what is wrong with it."""

import json
import re
from pathlib import Path

import pytest

from sidecar.errors import SidecarError, UsageError
from sidecar.peers.addresses import Places, addresses, behind, in_file, named, scraped
from tests.test_asking import answering


def test_each_is_asked_once_in_the_order_given(tmp_path: Path):
    listed = tmp_path / "sidecars"
    listed.write_text("# the chain\nhttp://b:9702/\n\nhttp://a:9702  # again\n")
    assert addresses(Places(["http://a:9702"], listed)) == ("http://a:9702", "http://b:9702")


def test_nobody_to_ask_is_said():
    with pytest.raises(UsageError, match="no sidecar to ask"):
        addresses(Places())


def test_a_bad_line_is_named(tmp_path: Path):
    listed = tmp_path / "sidecars"
    listed.write_text("http://a:9702\nb:9702\n")
    with pytest.raises(UsageError, match=r"sidecars, line 2: b:9702 is not a URL"):
        in_file(listed)
    with pytest.raises(UsageError, match="cannot be read"):
        in_file(tmp_path / "none")


def test_a_name_stands_for_all_its_addresses():
    assert "http://127.0.0.1:9702" in behind("localhost")
    assert "http://127.0.0.1:1234" in behind("localhost:1234")
    with pytest.raises(UsageError, match="give NAME or NAME:PORT"):
        behind("localhost:x")
    with pytest.raises(SidecarError, match="does that name exist here"):
        behind("nobody.invalid")
    with pytest.raises(SidecarError, match="does that name exist here"):
        behind("a" * 70)


def test_prometheus_knows_who_is_up():
    body = {
        "status": "success",
        "data": {
            "resultType": "vector",
            "result": [
                {"metric": {"__name__": "sidecar_up", "instance": "10.0.0.2:9702"}, "value": [1.5, "1"]},
                {"metric": {"__name__": "sidecar_up"}, "value": [1.5, "1"]},
            ],
        },
    }
    with answering(json.dumps(body).encode()) as (url, heard):
        assert scraped(url) == ["http://10.0.0.2:9702"]
    assert heard.paths == ["/api/v1/query?query=sidecar_up+%3D%3D+1"]


def test_named_peers():
    assert named("a=http://a:9702, b=http://b:1/") == {"a": "http://a:9702", "b": "http://b:1"}
    assert named("") == {}
    with pytest.raises(UsageError, match="is not NAME=URL"):
        named("http://a:9702")
    for wrong in ("b", "http://[b", "http://"):
        with pytest.raises(UsageError, match=re.escape(f"peers a={wrong}: {wrong} is not a URL")):
            named(f"a={wrong}")
