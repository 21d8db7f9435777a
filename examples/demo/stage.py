"""Sets the stage: model server, baseline, collector, and a sidecar in front; all real, all surely ended."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from examples import launch
from examples.collector import Collector
from examples.flight import Flight


class Stage(NamedTuple):
    """What runs while the demo plays."""

    model: launch.Server
    sidecar: launch.Server
    collector: Collector


@contextmanager
def stage(flight: Flight, learn: int, say: Callable[[str], None]) -> Iterator[Stage]:
    """The stage, set; everything on it ends with the context.

    `learn` is the number of rows that the sidecar shall learn a baseline from; 0: `sidecar fit` makes one
    of the reference. Raises NotStarted with a child's last words when something does not come up.
    """
    with ExitStack() as ends:
        home = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="sidecar-demo-")))
        collector = ends.enter_context(Collector())
        say(f"Training the model on {len(flight.train)} rows ...")
        model = ends.enter_context(launch.model(home))
        if learn:
            flags = ["--learn-rows", str(learn)]
        else:
            say(f"sidecar fit --data reference.csv --out baseline   ({len(flight.reference)} ordinary rows)")
            flags = ["--baseline", str(launch.fit(flight, home))]
        say(f"sidecar run --upstream {model.url} " + " ".join(flags).replace(f"{home}/", ""))
        flags += ["--service-name", "flight"]
        sidecar = ends.enter_context(launch.sidecar(model.url, home, flags, collector.env))
        say(f"The sidecar takes the model's traffic at {sidecar.url}; admin page: {sidecar.admin_url}/\n")
        yield Stage(model, sidecar, collector)
