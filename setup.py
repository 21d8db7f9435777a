"""What is compiled; everything else about the package stands in pyproject.toml.

A few functions in C (`sidecar/native`), wherever there is a compiler and Python's headers; elsewhere the
build says so and goes on, and Python does the same. And the modules that every call passes through, with
mypyc, when asked to:

    COMPILE_SIDECAR=1 pip install --no-build-isolation .

Those need mypy, too, and what sidecar depends on, because mypy checks the types first; hence no build
isolation. `scripts/compiled` does the same in a copy of a checkout.
"""

import os
import runpy

from setuptools import Extension, setup

NATIVE = Extension("sidecar.native.one_row", ["sidecar/native/one_row.c"], optional=True)


def extensions() -> list[Extension]:
    if os.environ.get("COMPILE_SIDECAR") != "1":
        return [NATIVE]
    try:
        from mypyc.build import mypycify
    except ImportError:
        raise SystemExit(
            "COMPILE_SIDECAR=1 needs mypy and sidecar's dependencies where it builds: pip install mypy, "
            "install sidecar once without the variable, and then with it and --no-build-isolation"
        ) from None
    modules = [f"sidecar/{path}" for path in runpy.run_path("sidecar/compiled.py")["HOT"]]
    return [NATIVE, *mypycify(modules, group_name="sidecar", opt_level="3", debug_level="0")]


setup(ext_modules=extensions())
