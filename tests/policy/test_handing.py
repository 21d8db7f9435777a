"""Policies and status go over whole, or not at all."""

import msgspec
import pytest

from sidecar.policy import handing
from sidecar.policy.checking import check_text
from tests.policy.documents import policy


def test_what_is_written_is_read(tmp_path):
    policies = check_text(policy("{name: a, when: p < 0.01, action: block}")).policies
    handing.write(tmp_path, handing.IN_FORCE, policies)
    assert handing.policies(tmp_path) == policies
    status = handing.Status(applied=3, refused=1, errors=("p.yaml:1:1: no",))
    handing.write(tmp_path, handing.STATUS, status)
    assert handing.status(tmp_path) == status
    assert {one.name for one in tmp_path.iterdir()} == {handing.IN_FORCE, handing.STATUS}


def test_a_file_that_is_not_there_or_no_policies(tmp_path):
    with pytest.raises(OSError):
        handing.policies(tmp_path)
    assert handing.status(tmp_path) == handing.Status()
    for content in (b"", b"[]", b'{"digest": "x", "policies": [{"name": 1}]}'):
        (tmp_path / handing.IN_FORCE).write_bytes(content)
        (tmp_path / handing.STATUS).write_bytes(content)
        with pytest.raises(msgspec.MsgspecError):
            handing.policies(tmp_path)
    assert handing.status(tmp_path) == handing.Status()
