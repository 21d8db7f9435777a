"""Is a language model's answer the same through the sidecar, chunk by chunk, and is its first token later?

    python -m bench.language [--server llama|replay] [--calls 300] [--mask KINDS]

The server `llama` is llama.cpp's own with a tiny model (`bench.rig.tiny_llama`; the first run installs it
into ~/.cache/sidecar-bench); `replay` is `examples.language`, which has no model and streams fixed answers.
First OpenAI's own client asks in every way, streaming and not, with and without the sidecar, at temperature 0
and at a higher one with a fixed seed. Then a bare HTTP client asks in turn with and without it and reads
event by event, each call on a connection of its own: llama.cpp closes one after every stream.
What counts is the median, over calls, of the difference between a call and its twin. The sidecar scores
prompts by a baseline of its own learning. The promise: all the same, and the first token within 1 ms. With
`--mask` a policy has secrets of these kinds masked, such as `card,token`; nothing in these answers is one.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from openai import OpenAI

from bench.rig.installs import Missing, environment
from bench.rig.processes import stops_on_signals
from examples import launch
from examples.processes import Process, free_port, python

PROMISE = 1e-3
TOPICS = ("the weather in spring", "how bread is baked", "trains between cities", "a walk in the hills")
OF_THE_CALL = ("id", "created", "timings")
"""What a real server says anew with every call, whoever asks."""
ROOT = Path(__file__).parent.parent


def question(number: int) -> str:
    return f"please tell me something about {TOPICS[number % 4]} number {number}"


# -- servers ---------------------------------------------------------------------------------------


class Servers(NamedTuple):
    """Addresses: of what answers chats and completions, and of what makes embeddings."""

    texts: str
    vectors: str


@contextlib.contextmanager
def replay(place: Path) -> Iterator[Servers]:
    address = f"127.0.0.1:{free_port()}"
    with Process("replay", python("examples.language", "--listen", address, "--token-ms", "2"), place) as one:
        one.wait_for(f"http://{address}/health")
        yield Servers(address, address)


@contextlib.contextmanager
def llama(place: Path) -> Iterator[Servers]:
    """Two servers, because llama.cpp's makes either texts or embeddings."""
    interpreter = str(environment("llama") / "bin" / "python")
    learned = sorted(str(path) for path in (ROOT / "docs").glob("*.md"))
    with contextlib.ExitStack() as ends:
        addresses = []
        for name, more in (("texts", []), ("vectors", ["--embedding"])):
            port = free_port()
            command = [interpreter, str(ROOT / "bench/rig/tiny_llama.py"), "--port", str(port)]
            command += ["--model", str(place / "tiny.gguf"), *more, "--learn", *learned]
            process = ends.enter_context(Process(name, command, place))
            process.wait_for(f"http://127.0.0.1:{port}/health", 60)
            addresses.append(f"127.0.0.1:{port}")
        yield Servers(*addresses)


SERVERS = {"llama": llama, "replay": replay}


# -- the same, chunk by chunk ----------------------------------------------------------------------


def chat(client: OpenAI, **how: Any) -> Any:
    messages = [{"role": "system", "content": "be kind"}, {"role": "user", "content": question(7)}]
    return client.chat.completions.create(model="bigrams", messages=messages, max_tokens=60, **how)


def completion(client: OpenAI, **how: Any) -> Any:
    return client.completions.create(model="bigrams", prompt="the model is", max_tokens=60, **how)


def embeddings(client: OpenAI, **how: Any) -> Any:
    return client.embeddings.create(model="bigrams", input=["the model is", "a score of a call"], **how)


STREAM = {"stream": True, "stream_options": {"include_usage": True}}
GREEDY, DRAWN = {"temperature": 0}, {"temperature": 0.9, "seed": 11}
WAYS = [
    *(
        (ask, {**how, **sampling})
        for ask in (chat, completion)
        for how in ({}, STREAM)
        for sampling in (GREEDY, DRAWN)
    ),
    (embeddings, {}),
    (embeddings, {"encoding_format": "float"}),
]


def told(answer: Any) -> list[dict[str, Any]]:
    """An answer's chunks, or the one that it is, without what is said anew with every call."""
    chunks = [answer] if hasattr(answer, "to_dict") else list(answer)
    return [{k: v for k, v in one.to_dict().items() if k not in OF_THE_CALL} for one in chunks]


def same(direct: str, through: str, ways: list[tuple[Any, dict[str, Any]]]) -> bool:
    """Whether OpenAI's client is told the same at both addresses, in all these ways."""
    done = True
    with _client(direct) as plain, _client(through) as scored:
        for ask, how in ways:
            expected, got = told(ask(plain, **how)), told(ask(scored, **how))
            done &= expected == got
            verdict = "the same" if expected == got else f"OTHERS:\n{expected}\n{got}"
            print(f"{ask.__name__} {how}: {len(expected)} chunks, {verdict}")
    return done


def _client(address: str) -> OpenAI:
    return OpenAI(base_url=f"http://{address}/v1", api_key="none", max_retries=0, timeout=30)


# -- how much later --------------------------------------------------------------------------------


class Asking:
    """A client with a new connection for each call."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.verdict = ""

    def ask(self, number: int) -> tuple[float, float, str]:
        """Seconds to the first token, to the end, and the text of the answer."""
        messages = [{"role": "user", "content": question(number)}]
        body = {"model": "m", "stream": True, "messages": messages, "temperature": 0, "max_tokens": 16}
        began = time.perf_counter()
        headers = {"Content-Type": "application/json"}
        first, said = 0.0, ""
        with contextlib.closing(http.client.HTTPConnection(self._address, timeout=30)) as connection:
            connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
            answer = connection.getresponse()
            assert answer.status == 200, f"{answer.status} at {self._address}: {answer.read()!r}"
            for event in answer:
                if event.startswith(b"data: {"):
                    said += json.loads(event[6:])["choices"][0]["delta"].get("content") or ""
                    first = first or (time.perf_counter() - began if said else 0.0)
        self.verdict = answer.headers.get("x-anomaly-verdict", "")
        return first, time.perf_counter() - began, said

    def knows(self, number: int) -> bool:
        """Whether questions are scored by now."""
        self.ask(number)
        return not self.verdict.startswith("learning")


def later(direct: Asking, through: Asking, calls: int) -> bool:
    first, whole = [], []
    for number in range(calls):
        sides = (direct, through) if number % 2 else (through, direct)
        found = {side: side.ask(number) for side in sides}
        assert found[direct][2] == found[through][2], "another answer"
        first.append([found[side][0] for side in (direct, through)])
        whole.append([found[side][1] for side in (direct, through)])
    for name, pairs in (("first token", first), ("whole answer", whole)):
        more = sorted(through - direct for direct, through in pairs)
        usual = statistics.median(direct for direct, _ in pairs) * 1e3
        middle, high = statistics.median(more) * 1e3, more[int(0.95 * len(more))] * 1e3
        print(
            f"{name}: after {usual:.2f} ms, through the sidecar later by {middle:.3f} ms in the median,"
            f" {high:.3f} ms in the 95th percentile"
        )
    return statistics.median(through - direct for direct, through in first) <= PROMISE


# -- the command line ------------------------------------------------------------------------------


POLICY = """\
apiVersion: sidecar/v1
kind: Policy
name: bench
rules:
  - {name: secrets, action: mask, secrets: "%s"}
"""


def compare(servers: Servers, place: Path, calls: int, mask: str) -> bool:
    """Whether the promises are kept."""
    flags: tuple[str, ...] = ("--learn-rows", "200", "--trace-ratio", "0")
    if mask:
        (place / "mask.yaml").write_text(POLICY % mask, encoding="utf-8")
        flags += ("--policy", str(place / "mask.yaml"))
    with launch.sidecar(f"http://{servers.texts}", place, flags) as sidecar:
        address = sidecar.url.removeprefix("http://")
        numbers, learner = itertools.count(), Asking(address)
        sidecar.process.wait_until(lambda: learner.knows(next(numbers)), 90)
        done = same(servers.texts, address, [way for way in WAYS if way[0] is not embeddings])
        done &= later(Asking(servers.texts), Asking(address), calls)
    with launch.sidecar(f"http://{servers.vectors}", place) as sidecar:
        vectors = [way for way in WAYS if way[0] is embeddings]
        return same(servers.vectors, sidecar.url.removeprefix("http://"), vectors) and done


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--server", choices=list(SERVERS), default="llama")
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--mask", default="", metavar="KINDS")
    arguments = parser.parse_args()
    with stops_on_signals(), tempfile.TemporaryDirectory(prefix="sidecar-language-") as place:
        try:
            with SERVERS[arguments.server](Path(place)) as servers:
                kept = compare(servers, Path(place), arguments.calls, arguments.mask)
        except Missing as missing:
            print(missing, file=sys.stderr)
            return 2
    print("the promises are kept" if kept else "a promise is not kept")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
