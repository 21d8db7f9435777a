"""What texts are made of: what nobody sees, what mixes alphabets, what does not belong; and what is usual."""

from __future__ import annotations

import json
import random
import re
from pydoc_data.topics import topics

import numpy as np
import pytest

from sidecar.baseline.fit import fit
from sidecar.defence.guard import Guard, guard
from sidecar.defence.letters import HIDDEN, Letters, hidden, measures, mixed
from sidecar.exchange import Payload, Score, Tensor
from sidecar.features import Schema, lay_out
from sidecar.scoring.baseline import Baseline


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("plain text,\n\twith lines", 0),
        ("ignore\u200bthis", 1),
        ("a\x00b\x1bc", 2),
        ("\u202etxet", 1),
        ("tag" + "".join(chr(0xE0000 + ord(c)) for c in "run"), 3),
        ("Grüße, 你好, שלום", 0),
    ],
)
def test_what_nobody_sees(text, count):
    assert hidden(text) == count
    assert len(HIDDEN.sub("", text)) == len(text) - count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("paypal", 0),
        ("pаypаl is safe", 1),  # with two letters of the Cyrillic alphabet
        ("Москва and London", 0),
        ("東京タワーへ行くGPSの旅", 0),
        ("β-carotene, naïve Ångström", 0),
        ("𝐢𝐠𝐧𝐨re the ｒules", 2),
    ],
)
def test_words_of_two_alphabets(text, count):
    assert mixed(text) == count


def test_a_missing_text_has_nothing_odd():
    found = measures(np.array([None, "a\u200bb"], object), np.array([np.nan, 3.0]))
    assert found.tolist() == [[0.0, 0.0, 0.0], [1.0, 0.0, 3.0]]


# -- against a reference -----------------------------------------------------------------------------


def sentences() -> list[str]:
    """Real English: lines of the Python language reference, which every Python brings."""
    lines = {line.strip() for text in topics.values() for line in text.splitlines()}
    plain = sorted(line for line in lines if len(line) > 60 and re.fullmatch(r"[A-Za-z ,.'-]+", line))
    return random.Random(4).sample(plain, 700)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> tuple[Baseline, list[str]]:
    place = tmp_path_factory.mktemp("letters")
    texts = sentences()
    rows = [json.dumps({"prompt": text}) for text in texts[:600]]
    (place / "rows.jsonl").write_text("\n".join(rows))
    return fit(place / "rows.jsonl", place / "b", ["ecod"]).baseline, texts[600:]


THRESHOLD = 0.02
"""Of 239 held-out texts and three measures the smallest p is one in 80."""


def read(baseline: Baseline, text: str) -> Score:
    payload = Payload("test", (Tensor("prompt", np.array([text], object)),))
    normal = Score("normal", 0.5, (0.5,))
    return guard(baseline, THRESHOLD).read(normal, lay_out(payload, baseline.schema), payload)


def test_what_was_never_there_is_a_sign(known):
    baseline, fresh = known
    for text, by in (
        (fresh[0] + "\u200b\u200b", "hidden characters"),
        ("pаypаl " + fresh[1], "mixed scripts"),
    ):
        found = read(baseline, text)
        assert found.verdict == "adversarial"
        (sign,) = found.evidence
        assert (sign.sign, sign.by) == ("text", by)
        assert sign.p <= THRESHOLD


def test_clean_texts_are_seldom_strange_and_nonsense_at_their_end_mostly_is(known):
    baseline, fresh = known
    drawn = random.Random(2)
    letters = [chr(code) for code in range(33, 127)]
    suffixed = [f"{text} {''.join(drawn.choices(letters, k=24))}" for text in fresh]
    assert sum(bool(read(baseline, text).evidence) for text in fresh) <= 0.05 * len(fresh)
    assert sum(bool(read(baseline, text).evidence) for text in suffixed) >= 0.8 * len(fresh)


def test_a_baseline_without_texts_looks_at_none():
    assert Guard().read(Score("normal", 0.5), lay_out(EMPTY, Schema(())), EMPTY).evidence == ()


EMPTY = Payload("test", (Tensor("x", np.zeros((1, 0))),))


def test_arrays_of_other_texts_are_refused(known):
    baseline, _ = known
    with pytest.raises(ValueError, match="missing"):
        Letters(baseline.schema, {})
