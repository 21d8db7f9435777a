"""The file of what is settled for all pods."""

import pytest

from sidecar.errors import UsageError
from sidecar.inject.settings import InjectSettings, read


def test_without_a_file_the_defaults_hold():
    assert read(None) == InjectSettings()


def test_a_file_changes_what_it_names(tmp_path):
    file = tmp_path / "inject.yaml"
    file.write_text("traffic: service\nresources: {requests: {cpu: 1m}}\nskipNamespaces: [a]\n")
    found = read(file)
    assert (found.traffic, found.resources.requests.cpu, found.skip_namespaces) == ("service", "1m", ("a",))
    assert found.image == InjectSettings().image


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("trafic: port", "trafic"),
        ("traffic: no", "traffic"),
        ("[", "inject.yaml"),
        ("resources: {limits: {memory: lots}}", r"\$\.resources\.limits\.memory"),
        ("resources: {requests: {cpu: 1}}", r"\$\.resources\.requests\.cpu"),
        ("user: 0", r"\$\.user"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, named):
    file = tmp_path / "inject.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=f"inject.yaml.*{named}" if named != "inject.yaml" else named):
        read(file)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        read(tmp_path / "none.yaml")
