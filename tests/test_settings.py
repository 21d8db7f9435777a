"""The settings themselves: every default is a value that would also be accepted, and says what it is."""

import msgspec
import pytest

from sidecar import codecs
from sidecar.manual import described
from sidecar.settings import Settings
from sidecar.values import READERS, read

SETTINGS = list(described().values())


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_default_reads_back_as_itself(setting):
    field = next(field for field in msgspec.structs.fields(Settings) if field.name == setting.field)
    if setting.default is None:
        assert field.required
    elif setting.default:
        assert read(setting.default, setting.unit, setting.type) == field.default
    else:
        assert field.default == ""


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_kind_is_known_and_meaning_is_given(setting):
    assert setting.unit in READERS
    assert setting.expected
    assert setting.section
    assert setting.meaning.endswith(".")
    assert bool(setting.choices) == (setting.unit == "")


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_meaning_speaks_of_the_unit_it_has(setting):
    if setting.unit in ("SECONDS", "BYTES"):
        assert setting.meaning.startswith(setting.unit.capitalize())


def test_only_upstream_is_required():
    assert [setting.name for setting in SETTINGS if setting.default is None] == ["upstream"]


def test_codec_offers_every_codec_there_is():
    assert described()["codec"].choices == ("auto", *codecs.NAMES)


def test_settings_cannot_be_changed():
    with pytest.raises(AttributeError):
        Settings(upstream="http://127.0.0.1:8080").workers = 2


def test_settings_survive_the_way_to_a_child_process():
    settings = Settings(upstream="unix:/run/model.sock", workers=3, total_timeout=1.5)
    assert msgspec.convert(msgspec.to_builtins(settings), Settings) == settings
