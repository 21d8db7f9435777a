"""Attacks that need no copy of the model, only its answers. Runs in the attacks' environment.

    python walkers.py ATTACK URL DIGITS.npz BUDGET RESET PLACES...

attacks the digits at PLACES through the model at URL, one question a call, with BUDGET questions each.
Before each, the file RESET is filled with zeros, so that no attack is found by the traces of another (empty:
no reset). The answer is a line of JSON for each digit: see `Walk.told`. Its questions are saved beside, as
`ATTACK-PLACE.npy`. Success is a question within DISTANCE of the digit that the model answers wrongly.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import orjson

DISTANCE = 3.0
"""Euclidean, with pixels from 0 to 1: what is between two digits of one kind is 6 to 8."""


class Spent(Exception):
    """The attacker has no question left."""


class Walk:
    """One digit under attack: asks the model, and remembers what it was told."""

    def __init__(self, url: str, digit: Any, label: int, budget: int, other: Any) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        self.other = other
        """A digit that is another, to begin with."""
        self._digit, self._label, self._budget = digit, label, budget
        self.questions: list[Any] = []
        self.flagged: list[int] = []
        """Numbers of the questions that were called a sequence, from 1."""
        self.accused = 0
        """Number of the first question that was called adversarial, whatever for."""
        self.refused = 0
        self.best = float("inf")
        """How far the nearest wrongly answered question is from the digit."""
        self.turned = False
        """Whether the last question was refused."""

    def ask(self, row: Any) -> Any:
        """Ten probabilities. Of a question that is refused the attacker learns nothing: all are the same."""
        if len(self.questions) >= self._budget:
            raise Spent
        row = np.round(np.clip(np.asarray(row, dtype=np.float64).reshape(784), 0.0, 1.0), 6)
        self.questions.append(row.astype(np.float32))
        body = orjson.dumps({"instances": [row.tolist()]})
        self._connection.request(
            "POST", "/v1/models/digits:predict", body, {"content-type": "application/json"}
        )
        response = self._connection.getresponse()
        answer = response.read()
        if re.search("query-sequence", response.getheader("x-anomaly-evidence") or ""):
            self.flagged.append(len(self.questions))
        if response.getheader("x-anomaly-verdict") == "adversarial":
            self.accused = self.accused or len(self.questions)
        self.turned = response.status != 200
        if self.turned:
            self.refused += 1
            return np.eye(10)[self._label] * 0.9 + 0.01  # what an attacker does worst with: no way out
        found = np.array(orjson.loads(answer)["predictions"][0])
        if int(found.argmax()) != self._label:
            self.best = min(self.best, float(np.sqrt(((row - self._digit) ** 2).sum())))
        return found

    def told(self, attack: str, place: int) -> dict[str, Any]:
        return {
            "attack": attack,
            "digit": place,
            "questions": len(self.questions),
            "first": self.flagged[0] if self.flagged else 0,
            "accused": self.accused,
            "flagged": len(self.flagged),
            "refused": self.refused,
            "distance": None if self.best == float("inf") else round(self.best, 3),
            "success": self.best <= DISTANCE,
        }


Attack = Callable[[Walk, Any, int], None]


def classifier(walk: Walk) -> Any:
    from art.estimators.classification import BlackBoxClassifierNeuralNetwork

    def predict(rows: Any) -> Any:
        return np.stack([walk.ask(row) for row in rows]).astype(np.float32)

    return BlackBoxClassifierNeuralNetwork(predict, (1, 28, 28), 10, clip_values=(0.0, 1.0))


def image(digit: Any) -> Any:
    return digit.reshape(1, 1, 28, 28).astype(np.float32)


def hop_skip_jump(from_digit: bool) -> Attack:
    """From noise, as the library begins, or from another digit, which nothing is odd about."""

    def attack(walk: Walk, digit: Any, label: int) -> None:
        from art.attacks.evasion import HopSkipJump

        known = classifier(walk)
        steps = HopSkipJump(known, norm=2, max_iter=40, max_eval=100, init_eval=20, verbose=False)
        steps.generate(image(digit), x_adv_init=image(walk.other) if from_digit else None)

    return attack


def boundary(from_digit: bool) -> Attack:
    def attack(walk: Walk, digit: Any, label: int) -> None:
        from art.attacks.evasion import BoundaryAttack

        known = classifier(walk)
        steps = BoundaryAttack(
            known, targeted=False, max_iter=2000, num_trial=10, sample_size=5, verbose=False
        )
        steps.generate(image(digit), x_adv_init=image(walk.other) if from_digit else None)

    return attack


def zoo(walk: Walk, digit: Any, label: int) -> None:
    from art.attacks.evasion import ZooAttack

    ZooAttack(
        classifier(walk), max_iter=200, nb_parallel=16, use_resize=False, use_importance=False,
        learning_rate=0.1, initial_const=1.0, binary_search_steps=1, verbose=False,
    ).generate(image(digit))  # fmt: skip


def square(walk: Walk, digit: Any, label: int) -> None:
    from art.attacks.evasion import SquareAttack

    SquareAttack(classifier(walk), norm=2, eps=DISTANCE, max_iter=5000, verbose=False).generate(image(digit))


def simba(walk: Walk, digit: Any, label: int) -> None:
    from art.attacks.evasion import SimBA

    SimBA(classifier(walk), attack="px", epsilon=0.3, max_iter=3000, order="random", verbose=False).generate(
        image(digit)
    )


def nes(sigma: float) -> Attack:
    """Natural evolution strategies: Ilyas et al. 2018, "Black-box Adversarial Attacks with Limited Queries
    and Information", ICML; 20 questions for a gradient, in pairs, then a step within DISTANCE of the
    digit."""

    def attack(walk: Walk, digit: Any, label: int) -> None:
        rng = np.random.default_rng(label)
        row = digit.copy()
        while int(walk.ask(row).argmax()) == label:
            slope = np.zeros(784)
            for _ in range(10):
                way = rng.normal(size=784)
                slope += way * (
                    margin(walk, row + sigma * way, label) - margin(walk, row - sigma * way, label)
                )
            row = within(row - 0.5 * slope / max(float(np.linalg.norm(slope)), 1e-12), digit)

    return attack


def adaptive(walk: Walk, digit: Any, label: int) -> None:
    """NES by an attacker who knows that near questions are refused, in the manner of OARS (Feng et al. 2023,
    "Stateful Defenses for Machine Learning Models Are Not Yet Secure Against Black-box Attacks", CCS): a
    question that is refused is drawn again, from further away; so are steps."""
    rng = np.random.default_rng(label)
    row, sigma, step = digit.copy(), 0.02, 0.5
    while True:
        slope, got = np.zeros(784), 0
        while got < 10:
            way = rng.normal(size=784)
            found = margin(walk, row + sigma * way, label)
            if walk.turned:
                sigma = min(sigma * 1.2, 1.0)
                continue
            slope += way * found
            got += 1
        slope -= slope.mean()
        row = within(row - step * slope / max(float(np.linalg.norm(slope)), 1e-12), digit)
        tries = 0
        while True:
            found = walk.ask(row + 0.3 * tries * sigma * rng.normal(size=784))
            if not walk.turned:
                break
            tries += 1
            if tries == 5:
                step = min(step * 1.5, DISTANCE)
                break
        if not walk.turned and int(found.argmax()) != label and walk.best <= DISTANCE:
            return


def margin(walk: Walk, row: Any, label: int) -> float:
    """How much the right answer is ahead, in logarithms."""
    odds = np.log(np.maximum(walk.ask(row), 1e-7))
    right = odds[label]
    odds[label] = -np.inf
    return float(right - odds.max())


def within(row: Any, digit: Any) -> Any:
    """The nearest row within DISTANCE of the digit, pixels from 0 to 1."""
    away = row - digit
    length = float(np.linalg.norm(away))
    return np.clip(digit + away * min(1.0, 0.99 * DISTANCE / max(length, 1e-12)), 0.0, 1.0)


ATTACKS: dict[str, Attack] = {
    "hop-skip-jump": hop_skip_jump(from_digit=False),
    "hop-skip-jump-from-digit": hop_skip_jump(from_digit=True),
    "boundary": boundary(from_digit=False),
    "boundary-from-digit": boundary(from_digit=True),
    "zoo": zoo,
    "simba": simba,
    "nes-0.01": nes(0.01),
    "nes-0.05": nes(0.05),
    "nes-0.1": nes(0.1),
    "square": square,
    "adaptive": adaptive,
}


@contextlib.contextmanager
def chance(seed: int) -> Iterator[None]:
    """Within, what is drawn by chance is the same each time: also what the library draws by a generator that
    it gives no seed, which is where HopSkipJump and Boundary begin."""
    unseeded = np.random.RandomState

    class Seeded(unseeded):
        def __init__(self, given: Any = None) -> None:
            super().__init__(seed if given is None else given)

    np.random.seed(seed)
    np.random.RandomState = Seeded
    try:
        yield
    finally:
        np.random.RandomState = unseeded


def main() -> None:
    name, url, file, budget, reset, *places = sys.argv[1:]
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    with np.load(file) as digits:
        pixels, labels = digits["pixels"], digits["labels"]
    for place in map(int, places):
        if reset:
            with Path(reset).open("r+b") as memory:
                memory.write(bytes(Path(reset).stat().st_size))
        other = pixels[int(np.flatnonzero(labels != labels[place])[place % 100])]
        walk = Walk(url, pixels[place], int(labels[place]), int(budget), other)
        with contextlib.suppress(Spent), contextlib.redirect_stdout(sys.stderr), chance(place):
            ATTACKS[name](walk, pixels[place], int(labels[place]))
        np.save(f"{name}-{place}.npy", np.array(walk.questions))
        print(json.dumps(walk.told(name, place)), flush=True)


if __name__ == "__main__":
    main()
