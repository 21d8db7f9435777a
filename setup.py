"""Compiles the modules that every call passes through to machine code, with mypyc, when asked to:

    COMPILE_SIDECAR=1 pip install --no-build-isolation .

Without that variable nothing is compiled and nothing else happens here: the package is described in
pyproject.toml. Compiling needs a C compiler, Python's headers, mypy, and what sidecar depends on, because
mypy checks the types first; hence no build isolation. `scripts/compiled` does the same in a copy of a
checkout.
"""

import os
import runpy

from setuptools import Extension, setup


def extensions() -> list[Extension]:
    if os.environ.get("COMPILE_SIDECAR") != "1":
        return []
    try:
        from mypyc.build import mypycify
    except ImportError:
        raise SystemExit(
            "COMPILE_SIDECAR=1 needs mypy and sidecar's dependencies where it builds: pip install mypy, "
            "install sidecar once without the variable, and then with it and --no-build-isolation"
        ) from None
    modules = [f"sidecar/{path}" for path in runpy.run_path("sidecar/compiled.py")["HOT"]]
    return mypycify(modules, group_name="sidecar", opt_level="3", debug_level="0")


setup(ext_modules=extensions())
