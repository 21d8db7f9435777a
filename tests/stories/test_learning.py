"""A sidecar without a baseline: it says so, counts the rows it learns from, and one day it scores."""

import re
import time

from examples.flight import Flight
from examples.launch import Server
from examples.traffic import Answer, Caller

NEED = 200


def test_a_sidecar_learns_from_traffic_and_then_scores_without_dropping_a_call(
    model: Server, flight: Flight, start_sidecar
) -> None:
    sidecar = start_sidecar(model.url, "--learn-rows", str(NEED))
    answers: list[Answer] = []
    limit = time.monotonic() + 40
    with Caller(sidecar.url) as caller:
        while time.monotonic() < limit and not (answers and answers[-1].score is not None):
            row = flight.clean[len(answers) % len(flight.clean), None]
            answers.append(caller.infer(row))  # raises for a dropped call
            time.sleep(0.003)
        after = [caller.infer(row[None]) for row in flight.clean[-50:]]

    assert {answer.status for answer in answers + after} == {200}
    assert answers[-1].score is not None, (
        f"no score after {len(answers)} calls: {sidecar.process.last_words()}"
    )
    learning = [answer for answer in answers if answer.score is None]
    assert {answer.verdict for answer in learning} == {"learning"}
    seen = [_parameter(answer, "seen") for answer in learning]
    assert seen == sorted(seen), f"the count went down: {sidecar.process.last_words()}"
    assert seen[0] < NEED / 4, "the first answers come before much was seen"
    assert NEED / 2 <= seen[-1] <= NEED, "the last ones when most was seen"
    assert {_parameter(answer, "need") for answer in learning} == {NEED}

    assert answers[-1].score is not None, (
        f"no score after {len(answers)} calls: {sidecar.process.last_words()}"
    )
    assert {answer.verdict for answer in after} <= {"normal", "outlier"}
    assert sum(answer.verdict == "outlier" for answer in after) <= 5


def _parameter(answer: Answer, name: str) -> int:
    found = re.search(rf";\s*{name}=(\d+)", answer.headers["x-anomaly-verdict"])
    assert found, answer.headers["x-anomaly-verdict"]
    return int(found[1])
