"""How often is the language of a paragraph guessed right? Asked of Debian's translated manual pages.

    python -m bench.tongues [--beside]      # downloads the packages manpages-* by apt-get, installs none

Paragraphs of 15 to 120 words that end with a full stop, at most 1,500 of each language, drawn with a fixed
seed; those with a word of `ENGLISH` are left out of the other languages, because nobody has translated them.
Printed is which share is guessed right, which is undetermined, and which is taken for another language. With
`--beside` the same paragraphs are given to other libraries (`bench.rig.tongue_libraries`).
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bench.rig.installs import environment
from bench.rig.tongue_libraries import LIBRARIES
from sidecar.codecs import tongue, wording

PACKAGES = {"en": "manpages", "pt": "manpages-pt-br"}
TRANSLATED = "cs da de es fi fr hu id it nb nl pl ro sv tr vi ja ru uk zh"
PACKAGES |= {one: f"manpages-{one}" for one in TRANSLATED.split()}
ENGLISH = frozenset({"the", "by", "this", "with", "you"})
MOST = 1500
MOST_WRONG = 0.03
"""Of any language. What is not known shall be undetermined."""

_WORD = re.compile(r"[^\W\d_]+")
_MARKUP = re.compile(r"\\f.|\\[-&e]|\\\(..|\\s[-+]?\d")


def paragraphs(package: Path, language: str) -> list[str]:
    """Running text of a package's pages."""
    found: set[str] = set()
    for page in sorted(package.rglob("man*/*.gz")):
        if not page.is_symlink():
            text = gzip.decompress(page.read_bytes()).decode("utf-8", "ignore")
            found.update(one for one in _blocks(text) if _runs(one, language))
    drawn = sorted(found)
    random.Random(1).shuffle(drawn)
    return drawn[:MOST]


def _blocks(page: str) -> Iterator[str]:
    block: list[str] = []
    for line in (*page.splitlines(), ""):
        if line.strip() and not line.startswith((".", "'")):
            block.append(_MARKUP.sub("", line))
        elif block:
            yield " ".join(block).strip()
            block = []


def _runs(block: str, language: str) -> bool:
    words = _WORD.findall(block)
    count = len(block) / 2 if language in ("ja", "zh") else len(words)
    letters = sum(map(len, words)) > 0.7 * len(block.replace(" ", ""))
    plain = letters and not re.search(r"[{}=<>|_]", block) and block.endswith((".", "。"))
    translated = language == "en" or ENGLISH.isdisjoint(word.lower() for word in words)
    return plain and 15 <= count <= 120 and translated


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--beside", action="store_true", help="ask other libraries, too")
    arguments = parser.parse_args()
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        print("this needs a Debian system with apt-get", file=sys.stderr)
        return 2
    kept, all_drawn = True, {}
    print("| | paragraphs | right | undetermined | another | which |\n| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory(prefix="sidecar-tongues-") as directory:
        for language, package in sorted(PACKAGES.items()):
            try:
                all_drawn[language] = downloaded(language, Path(directory))
            except subprocess.CalledProcessError:
                print(f"{package} cannot be downloaded", file=sys.stderr)
                return 2
            kept &= _line(language, all_drawn[language])
        if arguments.beside:
            _beside(all_drawn, Path(directory) / "paragraphs.json")
    return 0 if kept else 1


def downloaded(language: str, directory: Path) -> list[str]:
    """Paragraphs in a language, by way of a directory. Raises CalledProcessError."""
    place = directory / language
    place.mkdir()
    package = PACKAGES[language]
    subprocess.run(["apt-get", "download", "-q", package], cwd=place, capture_output=True, check=True)
    subprocess.run(["dpkg-deb", "-x", *map(str, place.glob("*.deb")), str(place / "x")], check=True)
    return paragraphs(place / "x", language)


def _beside(drawn: dict[str, list[str]], file: Path) -> None:
    """A line for each library, each in a process of its own."""
    file.write_text(json.dumps(drawn), encoding="utf-8")
    interpreter = str(environment("tongues") / "bin" / "python")
    print("\n| | right | another | of the worst language | us | MB |\n| --- | --- | --- | --- | --- | --- |")
    for name in LIBRARIES:
        program = str(Path(__file__).parent / "rig" / "tongue_libraries.py")
        asked = subprocess.run([interpreter, program, name, str(file)], stdout=subprocess.PIPE, check=True)
        found = json.loads(asked.stdout)
        shares = " | ".join(f"{found[key]:.3f}" for key in ("right", "wrong", "worst"))
        print(f"| {name} | {shares} | {found['us']:.0f} | {found['mb']:.0f} |", flush=True)


def _line(language: str, drawn: list[str]) -> bool:
    guessed = Counter(tongue.language(one, wording.script(one)) for one in drawn)
    count, right, none = len(drawn), guessed[language], guessed[tongue.UNDETERMINED]
    others = {one: n for one, n in guessed.most_common(4) if one not in (language, tongue.UNDETERMINED)}
    wrong = (count - right - none) / count
    print(f"| {language} | {count} | {right / count:.3f} | {none / count:.3f} | {wrong:.3f} | {others} |")
    return wrong <= MOST_WRONG


if __name__ == "__main__":
    sys.exit(main())
