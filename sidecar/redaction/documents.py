"""Bodies in their own terms: JSON is read and written anew, forms pair by pair, event streams line by line.

Whatever a document is, its text is searched once more at the end: what a parser does not show (a comment,
what follows the document) is in the bytes all the same.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
import json
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote_plus, unquote_plus

import orjson

from sidecar.redaction.names import NAMED, assigned, is_long, is_secret, is_secret_number
from sidecar.redaction.paths import Path, clear, clear_columns
from sidecar.redaction.patterns import is_card, replaced, taken_out

FORM = b"application/x-www-form-urlencoded"

MAX_DEPTH = 64
"""Objects in objects, JSON in strings. What lies deeper is taken out unseen."""

CARD_FROM = 10**12
"""The least number that may be a card's."""


class Rules(NamedTuple):
    """What is to be taken out."""

    patterns: tuple[str, ...] = ()
    named: bool = False
    paths: tuple[Path, ...] = ()
    columns: frozenset[str] = frozenset()

    @property
    def places(self) -> bool:
        """Whether anything is known by its place, so that a document must be understood to be kept."""
        return bool(self.paths or self.columns)


def plain(text: str, rules: Rules, marks: set[str], *, same_length: bool = False) -> str:
    """Any text."""
    if len(text) < 13 and text.isidentifier():  # most keys; no secret looks like that
        return text
    text = taken_out(text, rules.patterns, marks, same_length=same_length)
    if rules.named and (spans := assigned(text)):
        marks.add(NAMED)
        text = replaced(text, spans, NAMED, same_length=same_length)
    return text


# -- JSON ------------------------------------------------------------------------------------------


def json_text(text: bytes, rules: Rules, marks: set[str]) -> bytes | None:
    """A JSON document, written anew; None when it is none."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            value = json.loads(text)  # NaN and Infinity are no JSON, but usual
        except (ValueError, RecursionError):
            return None
    try:
        return _dumped(_document(value, rules, marks, 0))
    except (TypeError, ValueError, RecursionError):  # a number that no parser would write
        return None


def _dumped(value: Any) -> bytes:
    if type(value) in (dict, list) and _odd(value):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return orjson.dumps(value)


def _odd(value: Any) -> bool:
    """Whether it holds a number that orjson would change: NaN, infinity, a very long integer."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if type(one) is dict:
            waiting += one.values()
        elif type(one) is list:
            waiting += one
        elif type(one) is float:
            if one - one != 0.0:
                return True
        elif type(one) is int and not -(2**63) <= one < 2**64:
            return True
    return False


def _document(value: Any, rules: Rules, marks: set[str], depth: int) -> Any:
    for steps in rules.paths:
        if clear(value, steps):
            marks.add("path")
    if rules.columns and clear_columns(value, rules.columns):
        marks.add("column")
    return _value(value, "", rules, marks, depth)


def _value(value: Any, name: str, rules: Rules, marks: set[str], depth: int) -> Any:
    kind = type(value)
    if kind is str:
        return _string(value, name, rules, marks, depth)
    if kind is int or kind is float:
        if (
            "card" in rules.patterns
            and value >= CARD_FROM
            and value == value // 1
            and is_card(f"{value:.0f}")
        ):
            marks.add("card")
            return "[redacted:card]"
        if rules.named and is_long(value) and is_secret_number(name):
            marks.add(NAMED)
            return f"[redacted:{NAMED}]"
        return value
    if kind is not dict and kind is not list:
        return value
    if depth >= MAX_DEPTH:
        marks.add("depth")
        return "[redacted:depth]"
    if kind is list:
        return [_value(one, name, rules, marks, depth + 1) for one in value]
    return {plain(key, rules, marks): _value(one, key, rules, marks, depth + 1) for key, one in value.items()}


def _string(value: str, name: str, rules: Rules, marks: set[str], depth: int) -> str:
    if rules.named and value and is_secret(name):
        marks.add(NAMED)
        return f"[redacted:{NAMED}]"
    if name == "b64":
        return _base64(value, rules, marks)
    if value[:1] in ("{", "[") and value[-1:] in ("}", "]") and depth < MAX_DEPTH:
        try:
            inner = orjson.loads(value)
        except orjson.JSONDecodeError:
            return plain(value, rules, marks)
        before = len(marks)
        own: set[str] = set()
        outer = _document(inner, rules, own, depth + 1)
        marks |= own
        if own or before != len(marks):
            return _dumped(outer).decode()
    return plain(value, rules, marks)


def _base64(value: str, rules: Rules, marks: set[str]) -> str:
    """How TensorFlow Serving takes bytes in JSON."""
    try:
        data = base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        return plain(value, rules, marks)
    text = data.decode("latin-1")
    clean = plain(text, rules, marks, same_length=True)
    return value if clean == text else base64.b64encode(clean.encode("latin-1")).decode()


def lines(text: bytes, rules: Rules, marks: set[str]) -> bytes | None:
    """JSON line by line, as NDJSON or as the data of server-sent events. None: a line cannot be understood,
    and something is known by its place only."""
    out = []
    for line in text.split(b"\n"):
        prefix = b"data:" if line.startswith(b"data:") else b""
        content = line[len(prefix) :].strip()
        if content[:1] in (b"{", b"["):
            found = json_text(content, rules, marks)
            if found is None and rules.places:
                return None
            line = prefix + (content if found is None else found)
        out.append(line)
    return b"\n".join(out)


# -- forms and tables ------------------------------------------------------------------------------


def cut_off(data: bytes, media: bytes, rules: Rules, marks: set[str]) -> bytes:
    """The last line or pair of a body of which there is more, as many bytes as it has; nothing where it can't
    be told what is in it."""
    if media == FORM:
        text = data.decode("latin-1")
        return data if pairs(text, rules, marks) == text else b""
    if rules.places:
        return b""
    return plain(data.decode("latin-1"), rules, marks, same_length=True).encode("latin-1")


def pairs(text: str, rules: Rules, marks: set[str]) -> str:
    """`a=1&b=2`, as in a query and in a form. A pair without secrets stays as it was written."""
    return "&".join(_pair(pair, rules, marks) for pair in text.split("&"))


def _pair(pair: str, rules: Rules, marks: set[str]) -> str:
    name, equals, value = pair.partition("=")
    key = unquote_plus(name)
    if equals and value:
        if key in rules.columns:
            marks.add("column")
            return f"{name}="
        if rules.named and is_secret(key):
            marks.add(NAMED)
            return f"{name}=[redacted:{NAMED}]"
    return "=".join(_unquoted(part, lambda text: _inner(text, rules, marks)) for part in pair.split("=", 1))


def _inner(text: str, rules: Rules, marks: set[str]) -> str:
    if text[:1] in ("{", "["):
        found = json_text(text.encode("utf-8", "surrogateescape"), rules, marks)
        if found is not None:
            return found.decode()
    return plain(text, rules, marks)


def _unquoted(part: str, clean: Callable[[str], str]) -> str:
    text = unquote_plus(part, errors="replace")
    found = clean(text)
    # An inner document is written anew even where nothing was found in it; then only its blanks changed.
    same = found == text or ("[redacted" not in found and "null" not in found)
    return part if same else quote_plus(found, safe='[]:{}",')


def table(text: str, rules: Rules, marks: set[str]) -> str | None:
    """CSV with a head: the columns by their names, the rest as any text. None when it cannot be read, and
    columns are to be taken out."""
    if not rules.columns:
        return plain(text, rules, marks)
    try:
        rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    except csv.Error:  # a cell of more than 128 KiB
        return None
    places = [i for i, name in enumerate(rows[0] if rows else []) if name.strip() in rules.columns]
    if places:
        marks.add("column")
        for row in rows[1:]:
            for i in places:
                if i < len(row):
                    row[i] = ""
        text = "".join(map(_csv_line, rows))
    return plain(text, rules, marks)


def _csv_line(row: list[str]) -> str:
    """Written with both of CSV's ends of line, or one of them inside a cell would stand unquoted."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerow(row)
    return f"{out.getvalue()[:-2]}\n"
