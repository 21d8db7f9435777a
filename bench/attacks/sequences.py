"""Attacks that ask many questions, and honest streams: which calls are called a sequence, what blocking does
to both, and how Blacklight does on the same questions. Counterpart: `bench.attacks.walkers` attacks.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np

from bench.attacks.blacklight import Blacklight
from examples import launch
from examples.processes import ROOT, Process, free_port
from examples.processes import python as command
from sidecar.exchange import Payload, Tensor
from sidecar.features import lay_out
from sidecar.scoring.baseline import load
from sidecar.sequences import SEQUENCES, Memory, Walks

TRAINED = 3_000
"""Digits that the models and the baseline know; the others are asked."""

MODELS = ("network", "convolutional")

OTHERS_THAN_SQUARE = (
    "hop-skip-jump", "boundary", "zoo", "simba", "nes-0.01", "nes-0.05", "nes-0.1",
)  # fmt: skip

SEEN = """\
apiVersion: sidecar/v1
kind: Policy
name: seen
rules:
  - {name: walk, when: sequence.n >= 3, action: tag}
"""


class Size(NamedTuple):
    """How much is asked."""

    digits: int
    long: int
    """Questions of an attack that LONG names."""
    short: int
    honest: int


SIZES = {False: Size(20, 400, 200, 2_500), True: Size(3, 100, 100, 600)}

LONG = ("hop-skip-jump", "hop-skip-jump-from-digit", "boundary", "boundary-from-digit", "adaptive")
"""Attacks that go by the label alone, or around the defence: they need more questions."""

ATTACKS = {
    ("network", "seen"): (*OTHERS_THAN_SQUARE, "square", "adaptive"),
    ("network", "blocking"): ("simba", "nes-0.05", "adaptive"),
    ("convolutional", "seen"): ("hop-skip-jump", "boundary", "simba"),
    ("convolutional", "blocking"): ("simba",),
}
"""Model, policy -> attacks."""


class Digits(NamedTuple):
    file: Path
    pixels: Any
    labels: Any


def main(python: Path, place: Path, quick: bool, only: tuple[str, ...]) -> int:
    size = SIZES[quick]
    subprocess.run([python, ROOT / "bench/attacks/digits.py", place / "digits.npz"], check=True)
    with np.load(place / "digits.npz") as found:
        digits = Digits(place / "digits.npz", found["pixels"], found["labels"])
    np.savez(place / "reference.npz", X=digits.pixels[:TRAINED])
    baseline = place / "baseline"
    fit = ["fit", "--data", str(place / "reference.npz"), "--out", str(baseline)]
    fit += ["--detectors", "hbos", "--pixels", "28x28"]
    subprocess.run(command("sidecar.cli", *fit), cwd=ROOT, check=True, stdout=sys.stderr)
    (place / "seen.yaml").write_text(SEEN)
    (place / "blocking.yaml").write_text(blocking())
    _attacks(python, place, baseline, digits, size, only)
    if not only:
        _honest(python, place, baseline, digits, size)
    return 0


def blocking() -> str:
    """policies/05, but for its rates: here a second stands for an hour."""
    text = (ROOT / "policies" / "05-query-attack-throttle.yaml").read_text(encoding="utf-8")
    return text.replace("> 5.0", "> 1000000.0").replace("50/s", "1000000/s")


# -- attacks -----------------------------------------------------------------------------------------


def _attacks(
    python: Path, place: Path, baseline: Path, digits: Digits, size: Size, only: tuple[str, ...]
) -> None:
    found: list[list[object]] = []
    compared: list[list[object]] = []
    for kind in MODELS:
        with served(python, place, digits, kind) as model:
            victims = chosen(model.url, digits, size.digits)
            for policy in ("seen", "blocking"):
                run = place / f"run-{kind}-{policy}"
                flags = ("--policy", str(place / f"{policy}.yaml"), "--baseline", str(baseline))
                with launch.sidecar(model.url, place, (*flags, "--run-dir", str(run))) as sidecar:
                    touch(sidecar.url, digits)
                    for name in only or ATTACKS[kind, policy]:
                        budget = size.long if name in LONG else size.short
                        walks = walk(python, place, sidecar.url, digits, budget, run, name, victims)
                        found.append(_row(kind, policy, name, walks))
                        print(*found[-1], file=sys.stderr)
                        if policy == "seen" and kind == "network":
                            compared.append(_compared(place, baseline, name, walks))
    head = [
        *("model", "policy", "attack", "digits", "questions", "by the 5th", "by any sign by the 5th"),
        *("latest", "flagged %", "refused %", "success %"),
    ]
    print(table(head, found))
    by = [
        f"{way}: {what}" for way in ("prints", "Blacklight") for what in ("by the 5th", "latest", "%", "ms")
    ]
    print(table(["attack", *by], compared))


@contextmanager
def served(
    python: Path, place: Path, digits: Digits, kind: str, trained: int = TRAINED
) -> Iterator[launch.Server]:
    """A model that listens, trained on the first digits."""
    address = f"127.0.0.1:{free_port()}"
    arguments = [
        str(python),
        str(ROOT / "bench/attacks/model.py"),
        kind,
        str(digits.file),
        str(trained),
        address,
    ]
    with Process(kind, arguments, place, {"OMP_NUM_THREADS": "1"}) as process:
        process.wait_for(f"http://{address}/")
        yield launch.Server(process, f"http://{address}")


def walk(
    python: Path, place: Path, url: str, digits: Digits, budget: int, run: Path, name: str, victims: list[int]
) -> list[dict[str, Any]]:
    walkers = str(ROOT / "bench/attacks/walkers.py")
    arguments = [str(python), walkers, name, url, str(digits.file), str(budget), str(run / SEQUENCES)]
    told = subprocess.run(
        [*arguments, *map(str, victims)], cwd=place, check=True, stdout=subprocess.PIPE, text=True
    )
    return [json.loads(line) for line in told.stdout.splitlines()]


def chosen(url: str, digits: Digits, count: int) -> list[int]:
    """The last digits that the model is right about."""
    caller = Caller(url)
    right = [
        i
        for i in range(len(digits.labels) - 4 * count, len(digits.labels))
        if caller.ask(digits.pixels[i]).label == digits.labels[i]
    ]
    return right[-count:]


def _row(kind: str, policy: str, name: str, walks: list[dict[str, Any]]) -> list[object]:
    asked = sum(one["questions"] for one in walks)
    first = [one["first"] or 10**9 for one in walks]
    told: list[object] = [
        f"{sum(one <= 5 for one in first)} of {len(walks)}",
        f"{sum(0 < one['accused'] <= 5 for one in walks)}",
        max(first) if max(first) < 10**9 else "never",
        percent(sum(one["flagged"] for one in walks), asked),
    ]
    return [
        *(kind, policy, name, len(walks), asked),
        *(told if policy == "seen" else ["not told"] * len(told)),  # policy 05 exposes nothing
        percent(sum(one["refused"] for one in walks), asked),
        percent(sum(one["success"] for one in walks), len(walks)),
    ]


def table(head: list[str], rows: list[list[object]]) -> str:
    """Markdown."""
    lines = [head, ["---"] * len(head), *([str(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def percent(part: int, whole: int) -> str:
    return f"{100 * part / max(1, whole):.1f}"


def _compared(place: Path, baseline: Path, name: str, walks: list[dict[str, Any]]) -> list[object]:
    """The same questions, given to both ways of finding them."""
    printer = load(baseline).printer
    assert printer is not None
    schema = load(baseline).schema
    row: list[object] = [name]
    for way in ("prints", "blacklight"):
        firsts, flagged, asked, took = [], 0, 0, 0.0
        for walk in walks:
            walked, blacklight = Walks(Memory(None), 3600.0), Blacklight()
            first = 0
            for number, pixels in enumerate(np.load(place / f"{name}-{walk['digit']}.npy"), 1):
                payload = Payload("bench", (Tensor("X", pixels[None].astype(np.float64)),))
                features = lay_out(payload, schema)
                began = time.process_time()
                if way == "prints":
                    prints = printer.prints(features, payload)
                    assert prints is not None
                    seen = walked.update(prints, "127.0.0.1", time.time()) is not None
                else:
                    seen = blacklight.update(pixels)
                took += time.process_time() - began
                asked += 1
                flagged += seen
                first = first or (number if seen else 0)
            firsts.append(first or 10**9)
        latest = max(firsts) if max(firsts) < 10**9 else "never"
        early = f"{sum(one <= 5 for one in firsts)} of {len(walks)}"
        row += [early, latest, percent(flagged, asked), f"{1000 * took / max(1, asked):.2f}"]
    return row


# -- honest callers ------------------------------------------------------------------------------------


class Told(NamedTuple):
    label: int
    """-1: refused."""
    evidence: str
    """Why the call is called adversarial; empty: it isn't."""


class Caller:
    """A caller at an address of its own."""

    def __init__(self, url: str, address: str = "127.0.0.1") -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port, source_address=(address, 0), timeout=30
        )

    def ask(self, pixels: Any) -> Told:
        response, answer = self._reply(pixels)
        evidence = response.getheader("x-anomaly-evidence") or ""
        if response.status != 200:
            return Told(-1, evidence)
        return Told(int(np.argmax(json.loads(answer)["predictions"][0])), evidence)

    def _reply(self, pixels: Any) -> tuple[http.client.HTTPResponse, bytes]:
        body = json.dumps({"instances": [np.round(np.asarray(pixels, float), 6).tolist()]})
        self._connection.request(
            "POST", "/v1/models/digits:predict", body, {"content-type": "application/json"}
        )
        response = self._connection.getresponse()
        return response, response.read()


def touch(url: str, digits: Digits) -> None:
    """Make sure that there is a memory to be cleared."""
    Caller(url).ask(digits.pixels[0])


CALLERS = 20
"""Honest ones, each at an address of its own."""


class Question(NamedTuple):
    kind: str
    place: int
    pixels: Any
    client: int


def stream(digits: Digits, count: int, first: int = TRAINED) -> Iterator[Question]:
    """Honest questions of CALLERS: digits that nobody trained on, each once; one in ten a retry of the one
    before, one in ten one of five popular digits, one in twenty a digit of the last hundred saved again:
    moved by a pixel, lighter or darker, or in the coarse steps of another format."""
    rng = np.random.default_rng(7)
    fresh = iter(range(first, len(digits.labels)))
    popular = [next(fresh) for _ in range(5)]
    asked: list[int] = []
    last: Question | None = None
    for _ in range(count):
        draw, client = rng.random(), int(rng.integers(CALLERS))
        if draw < 0.1 and last is not None:
            question = last._replace(kind="retry")
        elif draw < 0.2:
            place = popular[int(rng.integers(5))]
            question = Question("popular", place, digits.pixels[place], client)
        elif draw < 0.25 and asked:
            place = asked[-int(rng.integers(1, min(100, len(asked)) + 1))]
            question = Question("saved again", place, _saved_again(digits.pixels[place], rng), client)
        else:
            place = next(fresh, -1)
            if place < 0:
                return
            asked.append(place)
            question = Question("fresh", place, digits.pixels[place], client)
        last = question
        yield question


def _saved_again(pixels: Any, rng: np.random.Generator) -> Any:
    way = int(rng.integers(3))
    if way == 0:
        return np.roll(pixels.reshape(28, 28), int(rng.choice([-1, 1])), axis=int(rng.integers(2))).reshape(
            784
        )
    if way == 1:
        return np.clip(pixels * rng.uniform(0.85, 1.15), 0.0, 1.0)
    return np.round(pixels * 16.0) / 16.0


def _honest(python: Path, place: Path, baseline: Path, digits: Digits, size: Size) -> None:
    """An honest stream through a sidecar that blocks, and past it; and through one that only tells. Both with
    two workers."""
    flags = ("--baseline", str(baseline), "--workers", "2", "--policy")
    with served(python, place, digits, "network") as model:
        with launch.sidecar(model.url, place, (*flags, str(place / "blocking.yaml"))) as sidecar:
            print(honest(sidecar.url, model.url, digits, stream(digits, size.honest)))
        with launch.sidecar(model.url, place, (*flags, str(place / "seen.yaml"))) as sidecar:
            found = fates(sidecar.url, model.url, digits, stream(digits, size.honest))
    told = {kind: f"{sum(one.accused for one in ones)} of {len(ones)}" for kind, ones in found.items()}
    print("called adversarial, by any sign:", told)


class Fate(NamedTuple):
    """What became of an honest question: whether it was refused, whether the answer through the sidecar was
    right, and whether the model's own was; and whether the caller was told that it is adversarial."""

    refused: bool
    right: bool
    plain: bool
    accused: bool


def fates(url: str, model: str, digits: Digits, questions: Iterable[Question]) -> dict[str, list[Fate]]:
    """What becomes of honest questions at `url`, and past it at the `model`, by their kind."""
    callers = [Caller(url, f"127.0.0.{10 + i}") for i in range(CALLERS)]
    past = Caller(model)
    found: dict[str, list[Fate]] = {}
    for question in questions:
        through, evidence = callers[question.client].ask(question.pixels)
        truth = int(digits.labels[question.place])
        plain = past.ask(question.pixels).label == truth
        found.setdefault(question.kind, []).append(Fate(through < 0, through == truth, plain, bool(evidence)))
    return found


def honest(url: str, model: str, digits: Digits, questions: Iterable[Question]) -> str:
    """`fates` as a table."""
    rows: list[list[object]] = []
    found = fates(url, model, digits, questions)
    for kind, ones in [*found.items(), ("all", [one for some in found.values() for one in some])]:
        refused, right, plain, _ = (sum(column) for column in zip(*ones, strict=True))
        rows.append(
            [kind, len(ones), refused, percent(refused, len(ones)), percent(right, len(ones)),
             percent(plain, len(ones))]
        )  # fmt: skip
    return table(
        ["honest", "questions", "blocked", "%", "right % through the sidecar", "right % past it"], rows
    )
