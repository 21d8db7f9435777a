"""Who answers: nginx with fixed replies for wrk's payloads, and `bench.rig.bulk` for streams."""

from __future__ import annotations

import os
import sys
import urllib.request
from pathlib import Path

from bench.rig import installs
from bench.rig.payloads import Payload
from bench.rig.processes import Tree

_CONFIG = Path(__file__).with_name("config")

_AT_ONCE = 4096
"""Bytes. nginx's limit for a text in its configuration, and far below what arrives in one read."""


def fixed(payloads: list[Payload], directory: Path, port: int) -> Tree:
    """Start nginx with one worker, answering each payload's target with its reply."""
    directory.mkdir(parents=True)
    small, large = [], []
    for payload in payloads:
        if max(map(len, payload.bodies)) < _AT_ONCE:
            small.append(f"    location = {payload.target} {{ return 200 '{payload.reply.decode()}'; }}")
        else:
            reply = f"/reply/{payload.name}.json"
            (directory / "reply").mkdir(exist_ok=True)
            (directory / reply[1:]).write_bytes(payload.reply)
            large += [
                f"    location = {payload.target} {{ mirror /discard; error_page 404 =200 {reply}; }}",
                f"    location = {reply} {{ root {directory}; }}",
            ]
    config = fill(
        "backend.nginx",
        directory / "nginx.conf",
        PORT=port,
        DIR=directory,
        USER=nginx_user(),
        SMALL="\n".join(small),
        LARGE="\n".join(large),
    )
    return Tree("backend", nginx_argv(config, directory), port, directory / "log")


def calls(port: int) -> int:
    """How many requests the fixed backend has taken so far, this one counted."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/calls", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return int(lines[2].split()[2])


def bulk(log: Path, port: int) -> Tree:
    """Start the backend that takes and sends long streams."""
    return Tree("bulk backend", [sys.executable, "-m", "bench.rig.bulk", str(port)], port, log)


def fill(template: str, target: Path, **values: object) -> Path:
    """Write a configuration from `config/`, every `@NAME@` replaced."""
    text = (_CONFIG / template).read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    target.write_text(text)
    return target


def nginx_argv(config: Path, directory: Path) -> list[str]:
    return [
        installs.program("nginx"),
        "-c",
        str(config),
        "-p",
        str(directory),
        "-e",
        f"{directory}/error.log",
    ]


def nginx_user() -> str:
    """Started by root, nginx would drop to a user who may not enter our directory."""
    return "user root;" if os.geteuid() == 0 else ""
