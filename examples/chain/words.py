"""Spoken questions: what was heard becomes a transcript, that a topic, that a desk which answers.

Real questions (`examples/data/questions.tsv`) through a noisy channel that mishears letters and, as speech
does, carries neither capitals nor punctuation. Version 2 of `speech` is better by its own measure, the errors
in letters against what was written: it corrects more, and writes capitals and question marks. The topics were
learned from the transcripts of version 1.
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

QUESTIONS = Path(__file__).parent.parent / "data" / "questions.tsv"

DESKS = {"coding": "engineer", "emotion": "small talk", "psychology": "small talk", "ai": "small talk"}
"""Topic -> who answers; the librarian has the rest."""

MISHEARD = {
    "b": "p",
    "p": "b",
    "d": "t",
    "t": "d",
    "g": "k",
    "k": "g",
    "m": "n",
    "n": "m",
    "s": "z",
    "z": "s",
}
MISHEARD |= {"e": "i", "i": "e", "o": "u", "u": "o", "f": "v", "v": "f", "c": "k", "a": "e"}

Model = Callable[[list[list[Any]]], dict[str, list[list[Any]]]]
"""Rows of values in, named tensors out."""


def questions() -> list[tuple[str, str]]:
    """Topic and question as it was written, in a fixed order that mixes the topics."""
    lines = [line.split("\t") for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    found = [(topic, text) for topic, text in lines]
    random.Random(0).shuffle(found)
    return found


def heard(text: str, noise: random.Random) -> str:
    """What a microphone makes of a question."""
    plain = re.sub(r"[^a-z0-9 ]", "", text.lower())
    return "".join(MISHEARD.get(letter, letter) if noise.random() < 0.04 else letter for letter in plain)


def desk(topic: str) -> str:
    """Who should answer a question of this topic."""
    return DESKS.get(topic, "librarian")


def training() -> list[tuple[str, str]]:
    return questions()[: -len(questions()) // 5]


class Speech:
    """Corrects what was heard, word by word, to words it knows. Version 2 prefers what was heard most alike,
    and writes words as people do, with a mark at the end."""

    def __init__(self, version: int) -> None:
        self.version = version
        written = [text for _, text in training()]
        self._words = Counter(word for text in written for word in heard(text, _deaf()).split())
        self._first: dict[str, Counter[str]] = defaultdict(Counter)
        self._later: dict[str, Counter[str]] = defaultdict(Counter)
        self._end: dict[str, Counter[str]] = defaultdict(Counter)
        for text in written:
            tokens = [token for token in text.split() if heard(token, _deaf())]
            opening = heard(tokens[0], _deaf())
            self._end[opening][text[-1] if text[-1] in "?.!" else ""] += 1
            self._first[opening][tokens[0]] += 1
            for token in tokens[1:]:
                self._later[heard(token, _deaf())][token.rstrip("?.!,")] += 1

    def __call__(self, rows: list[list[Any]]) -> dict[str, list[list[Any]]]:
        return {"transcript": [[self.transcript(row[0])] for row in rows]}

    def transcript(self, text: str) -> str:
        words = [self._corrected(word) for word in text.split()]
        if self.version == 1 or not words:
            return " ".join(words)
        end = _commonest(self._end.get(words[0]), "?")
        first = _commonest(self._first.get(words[0]), words[0].capitalize())
        later = [_commonest(self._later.get(word), word) for word in words[1:]]
        return " ".join((first, *later)) + end

    def _corrected(self, word: str) -> str:
        if word in self._words:
            return word
        near = get_close_matches(word, self._words, 5, 0.75)
        if self.version == 1:
            near.sort(key=lambda one: -self._words[one])
        return near[0] if near else word


def _commonest(forms: Counter[str] | None, otherwise: str) -> str:
    return forms.most_common(1)[0][0] if forms else otherwise


def _deaf() -> random.Random:
    """Noise that hears everything right."""
    quiet = random.Random()
    quiet.random = lambda: 1.0  # type: ignore[method-assign]
    return quiet


def letter_errors(speech: Speech) -> float:
    """The measure of `speech`: edits per written letter, on questions it was not made of."""
    noise = random.Random(1)
    held = questions()[-len(questions()) // 5 :]
    edits = sum(_edits(speech.transcript(heard(text, noise)), text) for _, text in held)
    return edits / sum(len(text) for _, text in held)


def _edits(ours: str, theirs: str) -> int:
    """Levenshtein's distance."""
    row = list(range(len(theirs) + 1))
    for i, a in enumerate(ours, 1):
        last, row[0] = row[0], i
        for j, b in enumerate(theirs, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (a != b))
    return row[-1]


class Intent:
    """The topic of a transcript, as probabilities."""

    def __init__(self) -> None:
        noise, speech = random.Random(2), Speech(1)
        examples = [
            (topic, speech.transcript(heard(text, noise))) for _ in range(4) for topic, text in training()
        ]
        self._model = make_pipeline(
            TfidfVectorizer(lowercase=False, token_pattern=r"\S+", ngram_range=(1, 2)),
            LogisticRegression(C=20.0, max_iter=300),
        ).fit([text for _, text in examples], [topic for topic, _ in examples])
        self.topics: list[str] = self._model.classes_.tolist()

    def __call__(self, rows: list[list[Any]]) -> dict[str, list[list[Any]]]:
        return {"topics": self._model.predict_proba([row[0] for row in rows]).tolist()}


class Action:
    """Which desk answers, from the probabilities of the topics."""

    def __init__(self) -> None:
        intent, speech, noise = Intent(), Speech(1), random.Random(3)
        known = training()
        told = intent([[speech.transcript(heard(text, noise))] for _, text in known])["topics"]
        self._model = LogisticRegression(max_iter=300).fit(
            np.array(told), [desk(topic) for topic, _ in known]
        )

    def __call__(self, rows: list[list[Any]]) -> dict[str, list[list[Any]]]:
        sure = self._model.predict_proba(np.array(rows, dtype=np.float64))
        names = self._model.classes_[sure.argmax(axis=1)]
        return {"desk": [[str(name)] for name in names], "confidence": sure.max(axis=1)[:, None].tolist()}


NAMES = ("speech", "intent", "action")


def model(name: str, version: int) -> Model:
    """One of the three models."""
    return {"speech": lambda: Speech(version), "intent": Intent, "action": Action}[name]()


def asked(count: int, seed: int) -> tuple[list[list[Any]], Sequence[str]]:
    """What callers say, a row each, and the desk that each should reach."""
    noise, known = random.Random(seed), questions()
    chosen = [noise.choice(known) for _ in range(count)]
    return [[heard(text, noise)] for _, text in chosen], [desk(topic) for topic, _ in chosen]


def measures() -> tuple[str, float, float]:
    """How `speech` is measured by those who make it, and what versions 1 and 2 reach."""
    return "errors per letter", letter_errors(Speech(1)), letter_errors(Speech(2))
