"""The settings as people read them: names, units and sections come out of the source as they stand there."""

import pytest

from sidecar.manual import described, reference, written


def test_one_name_gives_all_three():
    setting = described()["connect_timeout"]
    assert (setting.name, setting.flag, setting.variable) == (
        "connect-timeout",
        "--connect-timeout",
        "SIDECAR_CONNECT_TIMEOUT",
    )


def test_a_setting_is_described_whole():
    setting = described()["drain_timeout"]
    assert setting.section == "time"
    assert setting.default == "20"
    assert setting.value == "SECONDS"
    assert setting.meaning == (
        "Seconds to finish calls in flight after SIGTERM. Under the 30 that Kubernetes grants."
    )


def test_choices_are_told():
    setting = described()["expose"]
    assert setting.value == "caller|model|both|none"
    assert setting.expected == "one of caller, model, both, none"


def test_a_docstring_over_two_lines_is_one_sentence_after_another():
    assert all(
        "\n" not in setting.meaning and "  " not in setting.meaning for setting in described().values()
    )


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "BYTES", "0"),
        (1000, "BYTES", "1000"),
        (65536, "BYTES", "64KiB"),
        (4194304, "BYTES", "4MiB"),
        (4096, "COUNT", "4096"),
        (2.0, "SECONDS", "2"),
        (0.05, "SECONDS", "0.05"),
        (1234567.5, "SECONDS", "1234567.5"),
        ("", "DIR", ""),
    ],
)
def test_written(value, unit, text):
    assert written(value, unit) == text


def test_reference_keeps_its_table_whole():
    rows = [line for line in reference().splitlines() if line.startswith("| `")]
    assert len(rows) == len(described())
    assert {row.count(" | ") for row in rows} == {3}
