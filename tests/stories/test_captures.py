"""Captures of a real sidecar: the numbers add up, and killing everything at once corrupts nothing."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest

from examples.flight import Flight
from examples.launch import Server
from examples.traffic import Caller
from sidecar.capture.query import ask
from sidecar.capture.reading import calls


def test_what_is_captured_stands_for_all_calls(
    model: Server, baseline: Path, flight: Flight, start_sidecar, tmp_path: Path
) -> None:
    place = tmp_path / "captures"
    flags = ("--baseline", str(baseline), "--capture", str(place), "--capture-rate", "0.2")
    sidecar = start_sidecar(model.url, *flags, "--threshold", "0.05")
    with Caller(sidecar.url) as caller:
        answers = [caller.infer(flight.clean[i % len(flight.clean), None]) for i in range(1500)]
        outliers = sum(answer.verdict == "outlier" for answer in answers)
        for _ in range(20):
            assert caller.post("/v2/models/nobody/infer", b"{}").status == 404
    told = settled(sidecar, 1520)
    sidecar.process.stop()
    ((rows, weight, odd, broken),) = ask(
        str(place),
        "select count(*), sum(weight), count(*) filter (verdict = 'outlier'), "
        "count(*) filter (status = 404) from calls",
    ).rows
    assert (told["kept"], told["dropped"], told["waiting"]) == (rows, {"queue-full": 0}, 0)
    assert told["weight"] == weight
    assert (odd, broken) == (outliers, 20)
    # The draw is at random: four standard deviations of 1,500 calls that weigh 5 with a chance of 1 / 5.
    assert weight == pytest.approx(1520, abs=4 * (1500 * 4) ** 0.5)


def test_killing_everything_loses_only_what_was_on_its_way(
    model: Server, baseline: Path, flight: Flight, start_sidecar, tmp_path: Path
) -> None:
    place = tmp_path / "captures"
    flags = ("--baseline", str(baseline), "--capture", str(place), "--capture-rate", "1")
    sidecar = start_sidecar(model.url, *flags, "--capture-segment-seconds", "1")
    made, safe = 0, 0
    with Caller(sidecar.url) as caller:
        ends = time.monotonic() + 60
        while not (safe >= 200 and list(place.glob("date=*/*.parquet")) and list(place.glob(".open/*"))):
            assert time.monotonic() < ends, "neither a file nor a journal"
            caller.infer(flight.clean[made % len(flight.clean), None])
            made += 1
            safe = sink(sidecar)["kept"]
    everyone = psutil.Process(sidecar.process.pid).children(recursive=True)
    for process in [psutil.Process(sidecar.process.pid), *everyone]:
        os.kill(process.pid, signal.SIGKILL)
    psutil.wait_procs(everyone, timeout=30)

    again = start_sidecar(model.url, *flags)
    ends = time.monotonic() + 30
    while list(place.glob(".open/*.journal")):
        assert time.monotonic() < ends, "the next writer makes a file of what was left"
        time.sleep(0.05)
    again.process.stop()
    ids = [row["id"] for row in calls(str(place), ("id",))]
    assert safe <= len(ids) <= made
    assert len(set(ids)) == len(ids)
    assert not list(place.rglob("*.part"))


def sink(sidecar: Server) -> dict[str, Any]:
    with urllib.request.urlopen(f"{sidecar.admin_url}/api/v1/status", timeout=10) as answer:
        return dict(json.load(answer)["capture"]["files"])


def settled(sidecar: Server, calls: int) -> dict[str, Any]:
    """What the sink says when every call has been heard of and nothing waits."""
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        with urllib.request.urlopen(f"{sidecar.admin_url}/api/v1/status", timeout=10) as answer:
            status = json.load(answer)
        if status["records"] == calls and not status["capture"]["files"]["waiting"]:
            break
        time.sleep(0.05)
    return dict(status["capture"]["files"])
