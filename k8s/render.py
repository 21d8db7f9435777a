"""Plain manifests from the chart, so that there is one source: numbered in the order they are applied in.

    python -m k8s.render        writes k8s/manifests anew, with its kustomization

For clusters without Helm: `kubectl apply -f k8s/manifests`, or -k. A test compares all three.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import helm_python
import yaml

HERE = Path(__file__).parent
CHART, MANIFESTS = HERE / "chart", HERE / "manifests"
RELEASE, NAMESPACE = "model-sidecar", "sidecar-system"
HEAD = "# Written by python -m k8s.render from k8s/chart; change it there.\n"


def rendered(values: dict[str, Any] | None = None) -> dict[str, str]:
    """The text of each template that gives one, by its file's name."""
    with helm_python.Chart.load(str(CHART)) as chart:
        files = chart.render(values or {}, name=RELEASE, namespace=NAMESPACE)
    return {Path(name).name: text for name, text in files.items() if yaml_objects(text)}


def yaml_objects(text: str) -> list[dict[str, Any]]:
    """The objects in a manifest."""
    return [one for one in yaml.safe_load_all(text) if one]


def plain() -> dict[str, str]:
    """The files of k8s/manifests."""
    values = yaml.safe_load((HERE / "plain.yaml").read_text(encoding="utf-8"))
    files = {name: HEAD + _trimmed(text) for name, text in sorted(rendered(values).items())}
    resources = {"resources": list(files)}
    kustomization = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", **resources}
    files["kustomization.yaml"] = HEAD + yaml.safe_dump(kustomization, sort_keys=False)
    return files


def _trimmed(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.strip().splitlines() if line.strip())


def main() -> None:
    MANIFESTS.mkdir(exist_ok=True)
    for old in MANIFESTS.glob("*.yaml"):
        old.unlink()
    for name, text in plain().items():
        (MANIFESTS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
