"""What the added containers are told, and that the sidecar understands it."""

import msgspec
import pytest

from sidecar.cli import _resolve, _SettingsParser
from sidecar.inject import containers, pod
from sidecar.inject.annotations import PREFIX
from sidecar.inject.settings import Around, InjectSettings
from tests.inject import goldens


def sidecar_of(found):
    spec = found.pod["spec"]
    return next(
        one for one in [*spec["containers"], *spec["initContainers"]] if one["name"] == containers.SIDECAR
    )


INJECTED = [case for case in goldens.cases() if case.given["reason"] == "injected"]


@pytest.mark.parametrize("case", INJECTED, ids=lambda case: case.path.stem)
def test_sidecar_understands_what_it_is_told(case, monkeypatch, tmp_path):
    """Its arguments and variables are settings that `sidecar run` takes."""
    one = sidecar_of(case.inject())
    for variable in one["env"]:
        if variable["name"].startswith("SIDECAR_"):
            monkeypatch.setenv(variable["name"], variable["value"])
    arguments = [
        word.replace("$(POD_IP)", "10.0.0.1") for word in one["args"] if not word.startswith("--config")
    ]
    assert arguments[0] == "run"
    settings, _ = _resolve(_SettingsParser("run"), arguments[1:])
    assert settings.upstream.startswith("http://")


def test_the_clusters_variables_reach_the_sidecar_and_the_pods_own_win():
    settled = InjectSettings(environment={"SIDECAR_THRESHOLD": "0.05", "OTEL_RESOURCE_ATTRIBUTES": "a=b"})
    given = {
        "metadata": {"annotations": {"settings.sidecar.observe/threshold": "0.02", f"{PREFIX}port": "1"}},
        "spec": {"containers": [{"name": "m", "image": "i"}]},
    }
    one = sidecar_of(pod.inject(given, Around(settings=settled)))
    told = {variable["name"]: variable.get("value") for variable in one["env"]}
    assert told["SIDECAR_THRESHOLD"] == "0.02"
    assert told["OTEL_RESOURCE_ATTRIBUTES"].endswith(",a=b")


def test_probes_of_the_sidecar_ask_neither_the_model_nor_the_observer():
    """Or the two would wait for each other, and the observer's trouble would be the calls'."""
    for case in INJECTED:
        one = sidecar_of(case.inject())
        listen = one["ports"][0]["containerPort"]
        assert one["startupProbe"]["tcpSocket"] == one["readinessProbe"]["tcpSocket"] == {"port": listen}
        assert "livenessProbe" not in one


def test_settings_are_plain_data():
    assert msgspec.convert(msgspec.to_builtins(goldens.SETTINGS), InjectSettings) == goldens.SETTINGS
