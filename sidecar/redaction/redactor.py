"""All that one setting of `redact` says, applied to text, targets, header fields and bodies.

Most bodies hold no secret, and most of the time would go into finding that out. So it is found out in steps,
of which each may suspect wrongly and none may miss:

    skeleton    what is left without digits: the same for most answers of a model, so it is looked up
    signs       some byte strings, in a skeleton not seen before
    found       the patterns themselves, on the text as it is written
    clean       the document is read, and written anew
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_plus

from sidecar.redaction.coding import opened
from sidecar.redaction.documents import FORM, Rules, cut_off, json_text, lines, pairs, plain, table
from sidecar.redaction.names import NAMED, hinted
from sidecar.redaction.paths import path
from sidecar.redaction.patterns import PATTERNS, possible, shape, skeleton

MARGIN = 512
"""Bytes read beyond a limit, so that a secret across it is seen whole, and then cut."""

_ESCAPE = re.compile(r"\\(.)", re.DOTALL)

_MOST_KNOWN = 4096
"""Skeletons remembered."""

_LONGEST_KNOWN = 2048
"""Bytes of a skeleton that is remembered; longer ones are mostly text, and seldom come twice."""

MARKS = (b"\xff\xfe", b"\xfe\xff")
"""How UTF-16 begins."""

LINES = (b"ndjson", b"jsonl", b"json-seq", b"event-stream", b"jsonlines")
"""How the types end whose bodies are documents line by line."""

EVERYTHING = (*PATTERNS, NAMED)


class Body(NamedTuple):
    """A body fit to leave. `truncated`: there was more. `plain`: no longer compressed, so that a
    Content-Encoding field would lie. `marks`: what was taken out; `dropped:...` says why nothing is left."""

    data: bytes
    truncated: bool = False
    plain: bool = False
    marks: tuple[str, ...] = ()


class Redactor:
    """Takes secrets out, by the rules of one setting. Made by `redactor`."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        keys = [steps[-1] for steps in rules.paths]
        found = [one for name in rules.patterns for one in PATTERNS[name]]
        self._signs = tuple(sorted({skeleton(sign.encode()) for one in found for sign in one.signs}))
        self._forms = tuple(form for one in found for form in one.forms)
        self._cores = tuple(core for one in found for core in one.cores or one.forms)
        self._keys = tuple(
            {key.encode() for key in (*keys, *rules.columns) if type(key) is str and key != "*"}
        )
        self._always = any(type(steps[-1]) is int or steps[-1] == "*" for steps in rules.paths)
        self._harmless: set[bytes] = set()
        self._text = lru_cache(maxsize=4096)(self._clean_text)
        self._target = lru_cache(maxsize=4096)(self._clean_target)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to take out at all."""
        return self.rules == Rules()

    def suspicious(self, data: bytes) -> bool:
        """Whether these bytes could hold anything to take out. Only for what is not compressed."""
        if self._always or any(key in data for key in self._keys):
            return True
        if not self._seen_harmless(skeleton(data)):
            return _hidden(data) or self._found(data)
        if self._cores:
            form = shape(data)
            for core in self._cores:  # no generator: this is asked of every body
                if core in form:
                    return any(one in form for one in self._forms) and self._found(data)
        return False

    def _seen_harmless(self, bones: bytes) -> bool:
        if bones in self._harmless:
            return True
        if _hidden(bones, b'"b"') or any(sign in bones for sign in self._signs):
            return False
        if self.rules.named and hinted(bones):
            return False
        if len(bones) <= _LONGEST_KNOWN:
            if len(self._harmless) >= _MOST_KNOWN:
                self._harmless.clear()
            self._harmless.add(bones)
        return True

    def _found(self, data: bytes) -> bool:
        text = data.decode("latin-1")
        if "\\" in text:
            text = _ESCAPE.sub(lambda match: match[1] if match[1] in "\\/" else " ", text)
        if any(next(one.find(text), None) for _, one in possible(text, self.rules.patterns)):
            return True
        return self.rules.named and hinted(data.lower())

    # -- short texts, seen again and again ---------------------------------------------------------

    def text(self, value: str) -> str:
        """A value of a header field, a name, a reason."""
        return (self._text if len(value) <= 512 else self._clean_text)(value) if value else value

    def target(self, value: str) -> str:
        """A request target: its path, and its query pair by pair."""
        return (self._target if len(value) <= 512 else self._clean_target)(value)

    def _clean_text(self, value: str) -> str:
        return plain(value, self.rules, set())

    def _clean_target(self, value: str) -> str:
        where, mark, query = value.partition("?")
        marks: set[str] = set()
        open_ = unquote_plus(where) if "%" in where or "+" in where else where
        clean = plain(open_, self.rules, marks)
        where = clean if clean != open_ else where
        return where + mark + pairs(query, self.rules, marks)

    # -- bodies ------------------------------------------------------------------------------------

    def body(self, media: bytes, coding: bytes, data: bytes, limit: int, *, whole: bool = True) -> Body:
        """At most `limit` bytes of a body of this Content-Type and Content-Encoding (empty: none was said).
        `whole` says that `data` is all of it."""
        compressed = coding.strip().lower() not in (b"", b"identity")
        if self.idle:
            return Body(data[:limit], not whole or len(data) > limit)
        if compressed:
            found = opened(coding, data, limit + MARGIN)
            if found is None:
                return Body(b"", bool(data), True, ("dropped:content-encoding",) if data else ())
            data, whole = found.data, found.whole and whole
        truncated = not whole or len(data) > limit
        media = media.lower()
        if _foreign(media, data):
            return Body(b"", True, compressed, ("dropped:charset",))
        if not peculiar(media) and not self.suspicious(data):
            return Body(data[:limit], truncated, compressed)
        marks: set[str] = set()
        media = media.partition(b";")[0].strip()
        if whole or (separator := _separator(media)) is None:
            clean = self._clean(media, data, whole, marks)
        else:
            clean = self._clean_part(media, data, limit, separator, marks)
        if clean is None:
            return Body(b"", True, compressed, ("dropped:unreadable",))
        return Body(clean[:limit], truncated, compressed, tuple(sorted(marks)))

    def _clean_part(
        self, media: bytes, data: bytes, limit: int, separator: bytes, marks: set[str]
    ) -> bytes | None:
        """The beginning of a body of parts. Marks are longer or shorter than what they stand for, so where
        the limit is must be settled first: else what was read beyond it, with half a secret at its end, would
        move up into what is kept."""
        end = data.rfind(separator, 0, limit) + 1
        clean = self._clean(media, data[:end], True, marks)
        if clean is None:
            return None
        return clean + cut_off(data[end:], media, self.rules, marks)[: limit - end]

    def _clean(self, media: bytes, data: bytes, whole: bool, marks: set[str]) -> bytes | None:
        rules = self.rules
        start = data.lstrip()[:1]
        if media.endswith(LINES):
            found = lines(data, rules, marks)
        elif media == b"text/csv" and start not in (b"{", b"["):
            text = table(data.decode("utf-8", "surrogateescape"), rules, marks)
            return None if text is None else text.encode("utf-8", "surrogateescape")
        elif start in (b"{", b"[", b'"') or media.endswith(b"json"):
            found = json_text(data, rules, marks) if whole else None
            if found is None and not rules.places:
                found = data
        elif media == FORM:
            return pairs(data.decode("utf-8", "surrogateescape"), rules, marks).encode(
                "utf-8", "surrogateescape"
            )
        else:
            found = None if rules.places else data
        if found is None:
            return None
        textual = media.startswith(b"text/") or media.endswith(
            (b"json", b"xml", b"event-stream", b"jsonl", b"jsonlines")
        )
        same_length = not (textual or start in (b"{", b"[", b"<"))
        # latin-1 gives every byte a letter and takes it back unchanged.
        clean = plain(found.decode("latin-1"), rules, marks, same_length=same_length or not whole)
        return clean.encode("latin-1")


def _separator(media: bytes) -> bytes | None:
    """What ends each part of a body that is cleaned part by part; None where it's one whole."""
    if media == FORM:
        return b"&"
    return b"\n" if media == b"text/csv" or media.endswith(LINES) else None


def peculiar(media: bytes, coding: bytes = b"") -> bool:
    """Whether a body of this Content-Type (in lower case) and Content-Encoding is written in other letters
    than those that `Redactor.suspicious` looks for."""
    return coding.strip().lower() not in (b"", b"identity") or media.startswith(FORM) or _charset(media)


def _charset(media: bytes) -> bool:
    """UTF-16, UTF-32, EBCDIC."""
    _, found, charset = media.partition(b"charset=")
    known = (b"utf-8", b"utf8", b"us-ascii", b"ascii", b"iso-8859", b"windows-125")
    return bool(found) and not charset.lstrip(b" \"'").startswith(known)


def _foreign(media: bytes, data: bytes) -> bool:
    return _charset(media) or (media[:4] in (b"text", b"appl", b"") and data[:2] in MARKS)


def _hidden(data: bytes, base64: bytes = b'"b64"') -> bool:
    """Whether letters are written in another way: escaped in JSON, or as Base64."""
    return b"\\u" in data or base64 in data


def redactor(setting: str) -> Redactor:
    """The redactor of a setting such as `email,card,$.user.name,column:ssn`; `none` takes out nothing. Raises
    ValueError that says which part cannot be understood."""
    names, paths, columns = [], [], set()
    for part in filter(None, (one.strip() for one in setting.split(","))):
        if part.startswith("$"):
            try:
                paths.append(path(part))
            except ValueError as error:
                raise ValueError(f"has the path {part}, which {error}") from None
        elif part.startswith("column:") and part != "column:":
            columns.add(part.removeprefix("column:"))
        elif part in EVERYTHING:
            names.append(part)
        elif part != "none":
            raise ValueError(
                f'names "{part}"; there are {", ".join(EVERYTHING)}, $.json.path and column:NAME'
            )
    found = tuple(name for name in names if name != NAMED)
    return Redactor(Rules(found, NAMED in names, tuple(paths), frozenset(columns)))
