"""The command line as people and scripts meet it: help, exit codes, one message and never a stack trace."""

import json
import os
import subprocess
import sys

import pytest

from sidecar import __version__, cli
from sidecar.compiled import COMPILED
from sidecar.manual import described
from sidecar.sources import load

UPSTREAM = ["--upstream", "http://127.0.0.1:8080"]


@pytest.fixture(autouse=True)
def no_settings_around(monkeypatch):
    for name in [name for name in os.environ if name.startswith("SIDECAR_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def sidecar(capsys):
    """Run a command line; give its exit code, standard output and standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            code = cli.main(arguments)
        except SystemExit as leaving:  # argparse leaves this way after --help
            code = leaving.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


# -- help ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]])
def test_help_is_a_manual(sidecar, arguments):
    code, out, err = sidecar(*arguments)
    assert (code, err) == (0, "")
    for heading in ("Usage:", "Commands:", "Start here:", "Files:", "Environment:", "Exit codes:"):
        assert f"\n{heading}" in out
    for name, summary in cli.COMMANDS.items():
        assert f"\n  {name:<10}{summary}\n" in out
    assert max(map(len, out.splitlines())) <= 110


def test_commands_of_the_manual_exist_with_their_flags(sidecar):
    _, manual, _ = sidecar("--help")
    shown = [line.partition("sidecar ")[2].split() for line in manual.splitlines() if ". sidecar " in line]
    assert [words[0] for words in shown] == ["run", "fit", "run"]
    for command, *words in shown:
        _, out, _ = sidecar(command, "--help")
        for flag in (word for word in words if word.startswith("--")):
            assert f"  {flag} " in out


def test_version(sidecar):
    compiled = ", compiled" if COMPILED else ""
    assert sidecar("--version") == (0, f"sidecar {__version__}{compiled}\n", "")


def test_run_help_has_every_setting(sidecar):
    code, out, _ = sidecar("run", "--help")
    assert code == 0
    text = " ".join(out.split())
    for setting in described().values():
        assert f"{setting.flag} {setting.value} {setting.meaning.replace('`', '')}" in text
        if setting.default:
            # A long list of names may be broken at a hyphen.
            assert f"[default:{setting.default}]" in "".join(out.split())


# -- refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rnu"], 'no command "rnu"; did you mean "run"?'),
        (["dance"], f'no command "dance"; there are {", ".join(cli.COMMANDS)}'),
        (["run", *UPSTREAM, "--worker", "2"], '--worker: unknown flag; did you mean "--workers"?'),
        (["run", *UPSTREAM, "--werkers=2"], '--werkers: unknown flag; did you mean "--workers"?'),
        (["run", *UPSTREAM, "--werkers=2", "x"], 'what is "x"?; see sidecar run --help'),
        (["run", *UPSTREAM, "-w", "2"], 'what is "-w"?; see sidecar run --help'),
        (["run", "http://127.0.0.1:8080"], 'what is "http://127.0.0.1:8080"?; see sidecar run --help'),
        (["run", "--upstream"], "argument --upstream: expected one argument; see sidecar run --help"),
        (
            ["check", *UPSTREAM, "--config", "absent.yaml"],
            "absent.yaml: cannot be read: No such file or directory",
        ),
    ],
)
def test_usage_errors(sidecar, arguments, words):
    assert sidecar(*arguments) == (2, "", f"sidecar: {words}\n")


def test_every_line_of_a_refusal_says_whose_it_is(sidecar):
    code, _, err = sidecar("run", "--workers", "0", "--threshold", "2")
    assert code == 2
    assert [line.split()[:2] for line in err.splitlines()] == [
        ["sidecar:", "--workers:"],
        ["sidecar:", "--threshold:"],
        ["sidecar:", "upstream"],
    ]


def test_failure_of_the_work_itself_is_one_message_and_exit_code_1(tmp_path):
    baseline = tmp_path / "absent"
    ended = subprocess.run(
        [sys.executable, "-m", "sidecar.cli", "run", *UPSTREAM, "--baseline", str(baseline)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("sidecar: ")
    assert str(baseline) in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("package", ["pyod", "sklearn"])
def test_fit_without_its_extra_says_how_to_get_it(tmp_path, package):
    data = tmp_path / "training.csv"
    data.write_text("a,b\n" + "\n".join(f"{i},{i * i % 17}" for i in range(200)))
    program = (
        f"import sys; sys.modules[{package!r}] = None;"  # what Python does for a package that is not there
        "from sidecar.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    fit = ["fit", "--data", str(data), "--out", str(tmp_path / "baseline")]
    ended = subprocess.run(
        [sys.executable, "-c", program, *fit], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    [words] = [line for line in ended.stderr.splitlines() if line.startswith("sidecar: ")]
    assert words.startswith(f"sidecar: `sidecar fit` needs {package}, which is not installed")
    assert "Traceback" not in ended.stderr


# -- check -----------------------------------------------------------------------------------------


def test_check_prints_a_file_that_says_the_same_again(sidecar, tmp_path):
    flags = ["--listen", "[::1]:9700", "--service-name", "a#b: c".replace(" ", ""), "--queue-bytes", "3MiB"]
    code, out, _ = sidecar("check", *UPSTREAM, *flags)
    assert code == 0
    path = tmp_path / "sidecar.yaml"
    path.write_text(out)
    given = {"upstream": UPSTREAM[1], "listen": "[::1]:9700", "service-name": "a#b:c", "queue-bytes": "3MiB"}
    assert load({}, {}, path) == load(given, {}, None)


def test_check_says_where_each_value_comes_from(sidecar, tmp_path, monkeypatch):
    path = tmp_path / "s.yaml"
    path.write_text("window-rows: 5\n")
    monkeypatch.setenv("SIDECAR_WORKERS", "3")
    _, out, _ = sidecar("check", *UPSTREAM, "--config", str(path))
    origins = {line.partition(":")[0]: line.partition("# ")[2] for line in out.splitlines()}
    assert list(origins) == [setting.name for setting in described().values()]
    assert origins["upstream"] == "--upstream"
    assert origins["workers"] == "SIDECAR_WORKERS"
    assert origins["window-rows"] == f"{path}:1: window-rows"
    assert origins["listen"] == "default"


@pytest.mark.parametrize("arguments", ["--help", "run --help", "check --upstream http://h:1"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_into_a_pipe_that_closes_is_no_stack_trace(arguments, unbuffered):
    program = f"{{ sleep 0.2; '{sys.executable}' -m sidecar.cli {arguments}; }} | true"
    env = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    ended = subprocess.run(
        ["bash", "-c", program], capture_output=True, text=True, timeout=30, check=False, env=env
    )
    assert ended.stderr == ""


# -- weight ----------------------------------------------------------------------------------------


def test_command_line_stays_light():
    """The supervisor is this process: what it imports stays in memory as long as the sidecar runs."""
    program = (
        "import json, sys, sidecar.cli as cli; cli.main(['check', '--upstream', 'http://h:1']);"
        "print(json.dumps(sorted(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )
    modules = set(json.loads(ended.stdout.splitlines()[-1]))
    assert not modules & {"numpy", "asyncio", "yaml", "aiohttp", "opentelemetry", "pyod", "scipy", "rich"}
