"""The golden cases: a pod, what is known around it, what becomes of it and why.

    python -m tests.inject.goldens      write what becomes of each case anew; then read the difference

Each is a file with `about`, `around` (if not the default), `input`, and, written by this program, `reason`,
`message` and `output` (if it differs).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from sidecar import __version__
from sidecar.inject import pod
from sidecar.inject.pod import Injection
from sidecar.inject.settings import Around, InjectSettings

FOLDER = Path(__file__).parent / "golden"
SETTINGS = InjectSettings(image="registry.example/model-sidecar@sha256:" + "5" * 64)
"""Fixed, so that a new version changes no golden file."""


def of_no_version(thing: Any) -> Any:
    """With every version in a status made the same, for the same reason."""
    own = json.dumps(f'"version":"{__version__}"')[1:-1]
    return json.loads(json.dumps(thing).replace(own, json.dumps('"version":"0.0.0"')[1:-1]))


class Case(NamedTuple):
    """One file."""

    path: Path
    given: dict[str, Any]

    @property
    def around(self) -> Around:
        return msgspec.convert(
            {
                "settings": msgspec.to_builtins(SETTINGS),
                "namespace": "models",
                **self.given.get("around", {}),
            },
            Around,
        )

    def inject(self) -> Injection:
        return pod.inject(self.given["input"], self.around)


def cases() -> list[Case]:
    return [
        Case(path, yaml.safe_load(path.read_text(encoding="utf-8"))) for path in sorted(FOLDER.glob("*.yaml"))
    ]


def write() -> None:
    for case in cases():
        found = case.inject()
        content = {key: case.given[key] for key in ("about", "around", "input") if key in case.given}
        content |= {"reason": found.reason, "message": found.message}
        if found.pod != case.given["input"]:
            content["output"] = of_no_version(found.pod)
        text = yaml.safe_dump(content, sort_keys=False, width=110, allow_unicode=True)
        case.path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
