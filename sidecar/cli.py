"""The command line: which command is meant, its arguments, and what its end tells the shell.

Every failure ends here: one message on standard error and an exit code, never a stack trace. Imports are
few and late, because the process that runs this stays as the supervisor of `sidecar run`.
Counterparts: `sidecar.sources` (flags to settings), `sidecar.app` and `sidecar.baseline.command` (the work).
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, Protocol

from sidecar import __version__
from sidecar.compiled import COMPILED
from sidecar.errors import SidecarError, UsageError
from sidecar.manual import described, written
from sidecar.settings import Settings
from sidecar.sources import Resolved, resolve

MANUAL = """\
sidecar - stand in front of a machine-learned model and say, with every answer, how odd its input looked

Usage: sidecar COMMAND [OPTIONS]
       sidecar COMMAND --help
       sidecar --version

The sidecar listens where callers used to find the model, passes every call on unchanged, and scores its
input meanwhile. The answer comes back as the model gave it, with headers such as

    x-anomaly-score: 0.9973
    x-anomaly-verdict: outlier

A score of 0.9973 means that 0.27 % of clean traffic looks this odd. Nothing about the model changes.

Commands:
{commands}

Start here:
  1. sidecar run --upstream http://127.0.0.1:8080
       Put a sidecar before the model at port 8080 and call port 9700 instead. It learns what normal is from
       the first 500 rows it sees, and scores from then on. http://127.0.0.1:9702 is its own page.
  2. sidecar fit --data training.csv --ignore label --out baseline
       Better than learning from traffic: say what normal is with the data the model was trained on, less
       the columns that the model does not get.
  3. sidecar run --upstream http://127.0.0.1:8080 --baseline baseline
       Score from the first call.

More examples:
  sidecar run --upstream unix:/run/model.sock --listen 0.0.0.0:9700 --expose model
  SIDECAR_UPSTREAM=http://127.0.0.1:8080 sidecar run --config sidecar.yaml
  sidecar check --config sidecar.yaml
  sidecar check policies/
  sidecar check --schema > schema.json
  sidecar policy test policies/03-block-extreme.yaml --against captures
  sidecar outliers list
  sidecar top
  sidecar report --since 24h -o report.html
  sidecar outliers export --cohort 3 -o add-to-training.parquet
  sidecar query "select verdict, sum(weight) from calls group by all" --at captures
  sidecar inject -f deployment.yaml | kubectl apply -f -
  sidecar labels push labels.csv
  sidecar cascade http://speech:9702 http://intent:9702 http://action:9702

Files:
  FILE of --config    settings as YAML, one `name: value` a line, named as the flags are
  DIR of --baseline   what `sidecar fit` wrote: manifest.json and arrays.npz, checked before use
  DIR of --run-dir    sockets, snapshots, learned baselines; a temporary directory unless given

Environment:
  SIDECAR_*           any setting: SIDECAR_CONNECT_TIMEOUT=500ms is --connect-timeout 500ms
  SIDECAR_CONFIG      the same as --config
  OTEL_*              where traces go, as in every program that uses OpenTelemetry
  A flag wins over the environment, the environment over the file, the file over the default.

Exit codes:
  0    ended as asked, also by SIGTERM
  1    something cannot be done; standard error says what
  2    wrong command line or setting; standard error says where and what would be right
  130  interrupted from the keyboard
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        try:
            return _dispatch(list(sys.argv[1:] if arguments is None else arguments))
        finally:
            sys.stdout.flush()  # here, where it is no stack trace when nobody reads on
    except SidecarError as error:
        for line in str(error).splitlines():
            print(f"sidecar: {line}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # as in `sidecar check | head`: nobody reads on, and the exit must not try again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _dispatch(arguments: list[str]) -> int:
    first = arguments[0] if arguments else "--help"
    if first in ("-h", "--help", "help"):
        commands = "\n".join(f"  {name:<10}{summary}" for name, summary in COMMANDS.items())
        print(MANUAL.format(commands=commands), end="")
        return 0
    if first == "--version":
        print(f"sidecar {__version__}{', compiled' if COMPILED else ''}")
        return 0
    if first not in COMMANDS:
        near = difflib.get_close_matches(first, COMMANDS, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(COMMANDS)}"
        raise UsageError(f'no command "{first}"; {hint}')
    return HERE.get(first, _by_module)(first, arguments[1:])


# -- commands --------------------------------------------------------------------------------------


class _Work(Protocol):
    """The module that does a command's work."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, arguments: argparse.Namespace) -> int: ...


def _work(name: str) -> _Work:
    """The module of a command that one module does, imported only now."""
    match name:
        case "fit":
            from sidecar.baseline import command as fit

            return fit
        case "outliers":
            from sidecar.outliers import command as outliers

            return outliers
        case "report":
            from sidecar.report import command as report

            return report
        case "top":
            from sidecar.report import top

            return top
        case "replay":
            from sidecar.replay import command as replay

            return replay
        case "query":
            from sidecar.capture import command as query

            return query
        case "webhook":
            from sidecar.inject import webhook

            return webhook
        case "redirect":
            from sidecar.inject import redirect

            return redirect
        case "labels":
            from sidecar.labels import command as labels

            return labels
        case "cascade":
            from sidecar.peers import command as cascade

            return cascade
    raise AssertionError(f"{name} has no module of its own")


def _by_module(name: str, arguments: list[str]) -> int:
    """Run such a command. What its extra would have brought is missed with a hint."""
    try:
        work = _work(name)
        parser = _Parser(name)
        work.add_arguments(parser)
        return work.run(parser.parse_args(arguments))
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS.get(name, ()):
            raise
        raise SidecarError(
            f"`sidecar {name}` needs {package}, which is not installed; "
            f"install sidecar with its extra `{name}`, in the checkout: pip install '.[{name}]'"
        ) from error


def _run(name: str, arguments: list[str]) -> int:
    from sidecar.fetching import Fetched

    with Fetched() as fetched:

        def read() -> Settings:
            return fetched.local(_resolve(_SettingsParser(name), arguments).settings)

        settings = read()

        from sidecar import app  # late, so that a wrong setting is told at once

        return app.run(settings, read)


def _check(name: str, arguments: list[str]) -> int:
    files = [one for one in arguments if not one.startswith("-")]
    if arguments == ["--schema"] or (files and files == arguments):
        from sidecar.policy import command  # late, because only policies need a CEL library

        return command.run(files) if files else command.schema()
    parser = _SettingsParser(name)
    parser.usage = f"{parser.usage}\n       sidecar check POLICY-FILE...\n       sidecar check --schema"
    settings, origins = _resolve(parser, arguments)
    for field, setting in described().items():
        line = f"{setting.name}: {_yaml(written(getattr(settings, field), setting.unit))}"
        print(f"{line:<44}  # {origins[field]}")
    return 0


def _policy(name: str, arguments: list[str]) -> int:
    parser = _Parser(name)

    from sidecar.policy import command

    command.add_arguments(parser)
    return command.test(parser.parse_args(arguments))


def _inject(name: str, arguments: list[str]) -> int:
    parser = _Parser(name)

    from sidecar.inject import command

    command.add_arguments(parser, undo=False)
    return command.run(parser.parse_args(arguments))


def _uninject(name: str, arguments: list[str]) -> int:
    parser = _Parser(name)

    from sidecar.inject import command

    command.add_arguments(parser, undo=True)
    return command.undo(parser.parse_args(arguments))


COMMANDS = {
    "run": "put a sidecar before a model server",
    "fit": "make a baseline from training data, so that scoring starts with the first call",
    "outliers": "show what a running sidecar flagged, in groups, and write it to a file",
    "report": "write what happened, verdicts and all, as one page",
    "top": "the overview of a running sidecar, in the terminal",
    "replay": "captured traffic against another version of the model: what differs?",
    "query": "ask captured calls, in SQL",
    "inject": "put a sidecar into the pods of a Kubernetes manifest",
    "uninject": "take it out again: the manifest as it was",
    "webhook": "put a sidecar into pods as a cluster creates them",
    "redirect": "lead a pod's port to the sidecar; runs in the pod, once",
    "labels": "tell a running sidecar what turned out to be true of rows it saw answered",
    "cascade": "ask the sidecars of a chain which model broke it, and since when",
    "policy": "say what policies would have done to captured calls",
    "check": "check policy files; or print the settings that `run` would use, and where each comes from",
}
"""Each command's line in the manual."""

HERE: dict[str, Callable[[str, list[str]], int]] = {
    "run": _run,
    "check": _check,
    "policy": _policy,
    "inject": _inject,
    "uninject": _uninject,
}
"""Commands that are more than one module's `run`."""

EXTRAS = {"fit": {"pyod", "sklearn", "pyarrow", "rich"}, "webhook": {"cryptography"}}
"""What the extra of the same name brings for a command, as it is imported."""


# -- arguments -------------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """Errors are raised, not printed, so that every failure leaves through `main`."""

    def __init__(self, command: str, **more: Any) -> None:
        summary = COMMANDS[command]
        super().__init__(
            prog=f"sidecar {command}",
            description=f"{summary[0].upper()}{summary[1:]}.",
            allow_abbrev=False,
            formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=8, width=100),
            **more,
        )

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see {self.prog} --help")


class _SettingsParser(_Parser):
    """Every setting as a flag. Values stay text: `sidecar.sources` reads those of all sources alike."""

    def __init__(self, command: str) -> None:
        super().__init__(
            command,
            usage=f"sidecar {command} --upstream URL [--config FILE] [OPTIONS]",
            epilog="docs/settings.md has the same list, with the names for YAML and the environment.",
            argument_default=argparse.SUPPRESS,
        )
        self.add_argument("--config", metavar="FILE", help="YAML file of settings, or SIDECAR_CONFIG")
        groups: dict[str, argparse._ArgumentGroup] = {}
        for setting in described().values():
            group = groups.get(setting.section) or self.add_argument_group(setting.section)
            groups[setting.section] = group
            default = "" if setting.default is None else f" [default: {setting.default or 'empty'}]"
            meaning = f"{setting.meaning}{default}".replace("%", "%%").replace("`", "")
            group.add_argument(setting.flag, dest=setting.name, metavar=setting.value, help=meaning)


def _resolve(parser: _SettingsParser, arguments: list[str]) -> Resolved:
    namespace, unknown = parser.parse_known_args(arguments)
    flags = vars(namespace)
    config = flags.pop("config", None)
    # Unknown flags go on to where unknown settings are refused; what follows one may be its value.
    follows_unknown = False
    for argument in unknown:
        if argument.startswith("--"):
            name, equals, text = argument[2:].partition("=")
            flags[name] = text
            follows_unknown = not equals
        elif follows_unknown:
            follows_unknown = False
        else:
            parser.error(f'what is "{argument}"?')
    return resolve(flags, os.environ, Path(config) if config else None)


def _yaml(text: str) -> str:
    """`text` as a YAML scalar: as it is, or quoted where it would be read as something else."""
    return text if re.fullmatch(r"[A-Za-z0-9/][\w./:,-]*", text) else json.dumps(text, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(main())
