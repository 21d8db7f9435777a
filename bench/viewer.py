"""Is the chain one trace in a trace viewer that nobody here wrote?

    python -m bench.viewer            # the first run installs the viewer, 900 MB, into ~/.cache/sidecar-bench

Starts arize-phoenix and a chain of three models that pass no header on (`examples.chain`), exports one call
over OTLP HTTP and one over OTLP gRPC, reads both back through the viewer's own API, and checks every span:
its parent, name, times and attributes. Ends by itself; the status is 0 when all is as it should be.

The viewer keeps neither span links nor resources, so those are checked where they can be read: by the
receiver of `tests/tracing`.
"""

from __future__ import annotations

import http.client
import itertools
import json
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from bench.rig.installs import Missing, environment
from examples.chain.stage import Chain, running
from examples.processes import NotStarted, Process, free_port

TRACES = {"http/protobuf": "c0ffee00000000000000000000000001", "grpc": "c0ffee00000000000000000000000002"}
CALLER = "00000000000000aa"
NAME = "POST /v2/models/{model}/infer"
SPANS = 8
"""Three SERVER spans, three CLIENT spans to the models, two CLIENT spans of models that ask the next one."""


class Viewer(NamedTuple):
    """Where the viewer is: its page and API, and where each protocol goes."""

    url: str
    endpoints: dict[str, str]


class Span(NamedTuple):
    """One span as the viewer tells it."""

    id: str
    parent: str
    name: str
    begins: int
    ends: int
    attributes: dict[str, Any]


@contextmanager
def viewer(directory: Path) -> Iterator[Viewer]:
    """A running phoenix, which keeps its data in `directory`."""
    home = environment("phoenix")
    page, grpc = free_port(), free_port()
    env = {
        "PHOENIX_WORKING_DIR": str(directory),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(page),
        "PHOENIX_GRPC_PORT": str(grpc),
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    url = f"http://127.0.0.1:{page}"
    with Process("viewer", [str(home / "bin" / "phoenix"), "serve"], directory, env) as process:
        process.wait_for(f"{url}/healthz", 120)
        yield Viewer(url, {"http/protobuf": url, "grpc": f"http://127.0.0.1:{grpc}"})


def ask(chain: Chain, trace: str) -> None:
    """One call of the chain whose caller has a sampled trace."""
    connection = http.client.HTTPConnection(chain.sidecars["speech"].url.removeprefix("http://"), timeout=30)
    question = {"name": "question", "datatype": "BYTES", "shape": [1, 1], "data": ["what iz a wavelength"]}
    headers = {"Content-Type": "application/json", "traceparent": f"00-{trace}-{CALLER}-01"}
    try:
        connection.request("POST", "/v2/models/speech/infer", json.dumps({"inputs": [question]}), headers)
        reply = connection.getresponse()
        assert reply.status == 200, reply.read()
        reply.read()
    finally:
        connection.close()


def spans(url: str, trace: str, seconds: float = 60.0) -> list[Span]:
    """The spans of a trace, as soon as the viewer has all of them."""
    limit = time.monotonic() + seconds
    while True:
        path = f"{url}/v1/projects/default/spans/otlpv1?limit=100&trace_id={trace}"
        try:
            with urllib.request.urlopen(path, timeout=10) as answer:
                found = [_span(one) for one in json.load(answer)["data"]]
        except urllib.error.HTTPError:  # the project comes with its first span
            found = []
        if len(found) >= SPANS or time.monotonic() > limit:
            return found
        time.sleep(0.2)


def _span(told: dict[str, Any]) -> Span:
    attributes = {
        pair["key"]: next((value for value in pair["value"].values() if value is not None), None)
        for pair in told["attributes"]
    }
    times = int(told["start_time_unix_nano"]), int(told["end_time_unix_nano"])
    return Span(told["span_id"], told["parent_span_id"] or "", told["name"], *times, attributes)


def faults(found: list[Span], chain: Chain) -> list[str]:
    """Everything that is not as it should be, in words."""
    if len(found) != SPANS:
        return [f"{len(found)} spans, {SPANS} expected"]
    by_parent = {span.parent: span for span in found}
    path, at = [], CALLER
    while at in by_parent:
        path.append(by_parent[at])
        at = path[-1].id
    if len(path) != SPANS:
        return [f"the spans are no single line: {len(path)} hang below the caller's"]
    wrong = [f"{span.id} is called {span.name}" for span in path if span.name != NAME]
    for outer, inner in itertools.pairwise(path):
        # What is told of one process is exact; two of them agree to the clock's grain.
        if inner.begins < outer.begins - 1_000_000 or inner.ends > outer.ends + 1_000_000:
            wrong.append(f"{inner.id} does not lie within {outer.id}")
    for span, wanted in zip(path, expected(chain), strict=True):
        for key, value in wanted.items():
            if span.attributes.get(key) != value:
                wrong.append(f"{span.id}: {key} is {span.attributes.get(key)!r}, not {value!r}")
    return wrong


def expected(chain: Chain) -> Iterator[dict[str, Any]]:
    """Attributes along the line, from the first SERVER span to the last CLIENT span."""
    common = {"http.request.method": "POST", "http.response.status_code": 200}
    for name, after in zip(chain.names, (*chain.names[1:], ""), strict=True):
        template = NAME.removeprefix("POST ")
        server = {"http.route": template, "url.path": f"/v2/models/{name}/infer", "sidecar.codec": "v2"}
        yield common | server | {"sidecar.verdict": "learning", "sidecar.kept": "head"}
        # Never our own name: an edge of a service to itself would say nothing.
        yield common | {"url.template": template, "peer.service": "model", "service.peer.name": "model"}
        if after:
            yield (
                common
                | {"url.template": template, "peer.service": after, "service.peer.name": after}
                | {
                    "sidecar.joined": "only-one",
                    "sidecar.joined.confidence": 1.0,
                }
            )


def main() -> int:
    good = True
    try:
        with tempfile.TemporaryDirectory(prefix="sidecar-viewer-") as place, viewer(Path(place)) as shown:
            for number, (protocol, trace) in enumerate(TRACES.items()):
                home = Path(place) / str(number)
                home.mkdir()
                env = {
                    "OTEL_EXPORTER_OTLP_ENDPOINT": shown.endpoints[protocol],
                    "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
                    "OTEL_BSP_SCHEDULE_DELAY": "100",
                }
                with running("words", home, nested=True, env=env) as chain:
                    ask(chain, trace)
                    wrong = faults(spans(shown.url, trace), chain)
                print(f"{protocol}: {SPANS} spans in one trace, in line" if not wrong else f"{protocol}:")
                print("".join(f"  {line}\n" for line in wrong), end="", flush=True)
                good = good and not wrong
    except (Missing, NotStarted) as error:
        print(error, file=sys.stderr)
        return 1
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
