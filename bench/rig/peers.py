"""Who is compared, and how each is set up: one thread or worker, keep-alive on both sides, no access log.

Everything else is the peer's own default. The configurations stand in `config/`; sidecar's seven settings
are the flags below.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from bench.rig import installs
from bench.rig.backends import fill, nginx_argv, nginx_user
from bench.rig.payloads import reference
from bench.rig.processes import Tree


class Site(NamedTuple):
    """Where one proxy is to run: its own directory, its ports, who is behind it."""

    directory: Path
    port: int
    admin: int
    upstream: int
    baseline: Path
    """Fitted by `fit` before any sidecar starts."""

    traces: int
    """Port that takes OTLP over HTTP."""


class Launch(NamedTuple):
    """How one proxy is started at its site."""

    argv: list[str]
    env: Mapping[str, str] = {}


class Peer(NamedTuple):
    """One line of the comparison. `verdict`: what it must say of a normal call; None: it knows no scores."""

    name: str
    note: str
    launch: Callable[[Site], Launch]
    verdict: str | None = None

    @property
    def scores(self) -> bool:
        return self.verdict == "normal"

    def start(self, site: Site) -> Tree:
        """Start it and wait until it listens."""
        launch = self.launch(site)
        admin = site.admin if self.verdict else None
        tree = Tree(self.name, launch.argv, site.port, site.directory / "log", launch.env, admin)
        try:
            tree.wait_until_listening()
        except BaseException:
            tree.stop()
            raise
        return tree


def _envoy(site: Site) -> Launch:
    config = fill("envoy.yaml", site.directory / "envoy.yaml", PORT=site.port, UPSTREAM=site.upstream)
    return Launch(
        [installs.envoy(), "-c", str(config), "--concurrency", "1", "--disable-hot-restart", "-l", "warn"]
    )


def nginx(site: Site, processes: str = "") -> Launch:
    """`processes`: further directives; callgrind needs `master_process off;`."""
    config = fill(
        "nginx.conf",
        site.directory / "nginx.conf",
        PORT=site.port,
        UPSTREAM=site.upstream,
        DIR=site.directory,
        USER=nginx_user(),
        PROCESSES=processes,
    )
    return Launch(nginx_argv(config, site.directory))


def _haproxy(site: Site) -> Launch:
    config = fill("haproxy.cfg", site.directory / "haproxy.cfg", PORT=site.port, UPSTREAM=site.upstream)
    return Launch([installs.program("haproxy"), "-f", str(config)])


def _aiohttp(site: Site) -> Launch:
    return Launch([sys.executable, "-m", "bench.rig.plain_aiohttp", str(site.port), str(site.upstream)])


def _bare(site: Site) -> Launch:
    program = site.directory / "bare"
    source = Path(__file__).with_name("bare.c")
    subprocess.run([installs.program("cc"), "-O2", "-o", str(program), str(source)], check=True)
    return Launch([str(program), str(site.port), str(site.upstream)])


def _bare_uvloop(site: Site) -> Launch:
    return Launch([sys.executable, "-m", "bench.rig.bare_uvloop", str(site.port), str(site.upstream)])


def _mitmproxy(site: Site) -> Launch:
    options = ["stream_large_bodies=1m", "flow_detail=0", "termlog_verbosity=error"]
    return Launch(
        [
            *(installs.mitmdump(), "--mode", f"reverse:http://127.0.0.1:{site.upstream}"),
            *("--listen-host", "127.0.0.1", "--listen-port", str(site.port)),
            *(word for option in options for word in ("--set", option)),
            *("--set", f"confdir={site.directory}"),
        ]
    )


_SCORES = ("--baseline", "@BASELINE@", "--score-deadline", "10")
"""Patience for large tensors: without it they would pass unscored, and look fast."""

_SIDECAR_FLAGS: dict[str, tuple[str, ...]] = {
    "pass-through": ("--max-scored-bytes", "0", "--trace-ratio", "0"),
    "scoring": (*_SCORES, "--trace-ratio", "0"),
    "untraced": (*_SCORES, "--trace-ratio", "0"),
    "tracing": (*_SCORES, "--trace-ratio", "1"),
    "watched": (*_SCORES, "--trace-ratio", "0.01"),
    "policies": (
        *(*_SCORES, "--trace-ratio", "0.01", "--capture", "@DIRECTORY@/capture", "--capture-rate", "0.1"),
        *("--policy", str(Path(__file__).parent / "config" / "ten-rules.yaml")),
    ),
    "everything": (*_SCORES, "--trace-ratio", "0.01", "--capture", "@DIRECTORY@/capture"),
}
"""What each setting adds to upstream, listen and admin."""

_UNTRACED = {"OTEL_SDK_DISABLED": "true", "OTEL_PROPAGATORS": "none"}
"""No spans, no trace context: what `untraced` has instead of a receiver."""


def _sidecar(setting: str) -> Callable[[Site], Launch]:
    def launch(site: Site) -> Launch:
        flags = (
            flag.replace("@BASELINE@", str(site.baseline)).replace("@DIRECTORY@", str(site.directory))
            for flag in _SIDECAR_FLAGS[setting]
        )
        return Launch(
            [
                *(sidecar_program(), "run", "--upstream", f"http://127.0.0.1:{site.upstream}"),
                *("--listen", f"127.0.0.1:{site.port}", "--admin", f"127.0.0.1:{site.admin}", *flags),
            ],
            # A real receiver, so that exported spans cost what they cost.
            _UNTRACED
            if setting == "untraced"
            else {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{site.traces}"},
        )

    return launch


def sidecar_program() -> str:
    """The `sidecar` command of the environment that runs this benchmark."""
    program = Path(sys.executable).with_name("sidecar")
    if not program.exists():
        raise installs.Missing(f"{program} is missing: run `pip install -e '.[fit]'` in the repository")
    return str(program)


def fit(directory: Path) -> Path:
    """Fit ECOD on the reference data with `sidecar fit`; return the baseline's directory."""
    directory.mkdir(parents=True, exist_ok=True)
    data, out = directory / "reference.csv", directory / "baseline"
    data.write_text(reference())
    subprocess.run(
        [sidecar_program(), "fit", "--data", str(data), "--out", str(out), "--detectors", "ecod"],
        check=True,
        stdout=sys.stderr,
    )
    return out


PEERS = {
    peer.name: peer
    for peer in (
        Peer("envoy", "Envoy 1.40, --concurrency 1", _envoy),
        Peer("nginx", "Debian's nginx, one worker", nginx),
        Peer("haproxy", "Debian's haproxy, one thread", _haproxy),
        Peer("aiohttp", "aiohttp web.Server + ClientSession on uvloop", _aiohttp),
        Peer("mitmproxy", "mitmdump in reverse mode", _mitmproxy),
        Peer("bare-c", "bytes handed on unread, in C", _bare),
        Peer("bare-uvloop", "the same in Python on uvloop", _bare_uvloop),
        Peer("sidecar-pass-through", "sidecar, scoring off", _sidecar("pass-through"), "unscored"),
        Peer("sidecar-scoring", "sidecar, ECOD on 30 features", _sidecar("scoring"), "normal"),
        Peer("sidecar-untraced", "sidecar, scoring, no traces at all", _sidecar("untraced"), "normal"),
        Peer("sidecar-tracing", "sidecar, scoring, every call traced", _sidecar("tracing"), "normal"),
        Peer("sidecar-watched", "sidecar, scoring, windows, traces", _sidecar("watched"), "normal"),
        Peer("sidecar-policies", "and ten rules, and a tenth captured", _sidecar("policies"), "normal"),
        Peer("sidecar-everything", "sidecar, everything on", _sidecar("everything"), "normal"),
    )
}
