"""What may change while calls go on does, and nothing else."""

import msgspec

from sidecar.retuning import WHILE_RUNNING, retuned
from sidecar.settings import Settings

OLD = Settings(upstream="http://127.0.0.1:8080")


def test_what_may_change_is_taken_and_the_rest_is_named():
    new = Settings(upstream="http://127.0.0.1:8081", idle_timeout=5.0, workers=2, expose="none")
    found = retuned(OLD, new)
    assert found.settings == msgspec.structs.replace(OLD, idle_timeout=5.0, expose="none")
    assert found.changed == ("expose", "idle-timeout")
    assert found.refused == ("upstream", "workers")


def test_the_same_settings_change_nothing():
    assert retuned(OLD, OLD) == (OLD, (), ())


def test_every_name_on_the_list_is_a_setting():
    assert set(WHILE_RUNNING) <= set(OLD.__struct_fields__)
