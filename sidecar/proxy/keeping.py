"""What of a call may leave the data plane: whether it is captured and by which weight, and without secrets.

Used by `sidecar.proxy.telling` when records are made; nobody waits for it. Counterparts: `sidecar.redaction`
takes secrets out, `sidecar.capture` keeps what is captured.

Calls that were odd or broke are all kept. Of the others a share is, chosen by a hash of the trace id, so that
every sidecar of a chain keeps the same ones; each stands for one over the share of them (Horvitz and Thompson
1952), so that sums over weights are those of the whole traffic.
"""

from __future__ import annotations

import logging
import zlib
from functools import lru_cache
from typing import NamedTuple

import msgspec
import numpy as np

from sidecar.exchange import Captured, Headers, Record, header
from sidecar.proxy.case import Case
from sidecar.proxy.heads import KEPT_FOR_RECORD, RequestHead, ResponseHead
from sidecar.proxy.pieces import first, joined
from sidecar.redaction import Body, Redactor, redactor
from sidecar.redaction.patterns import is_card
from sidecar.redaction.redactor import MARGIN, MARKS, peculiar
from sidecar.settings import Settings

log = logging.getLogger(__name__)

ALWAYS = frozenset({"outlier", "adversarial"})
"""Verdicts of calls that are all kept."""

TURNED = frozenset({"block", "throttle", "fallback"})
"""Actions whose calls are all kept: their answer was another than the model's. `quarantine`, `alert` and
`sample` say by `Decision.keep` what they want; a call that was only tagged is as any other."""

UNSEARCHED = Body(b"", True, False, ("dropped:unreadable",))

MOST_STRICTER = 64
"""Rules of policies that are kept ready. Only those of policies long gone are made anew beyond."""

CARD_FROM = 1e12
"""The least number that may be a card's."""


class Words(NamedTuple):
    """Whatever a record holds that somebody else wrote, but for the bodies."""

    target: str
    host: str
    model: str
    version: str
    reason: str
    state: str
    baggage: str
    request: Headers
    response: Headers


class Keeping:
    """The rules of one worker."""

    def __init__(self, settings: Settings) -> None:
        self.capturing = bool(settings.capture or settings.capture_events)
        self.body_bytes = settings.capture_body_bytes + MARGIN if self.capturing else 0
        """Bytes of each body to hold until a call has ended: only then it is known whether it is kept."""
        self._settings = settings
        self._limit = settings.capture_body_bytes
        self._rate = settings.capture_rate
        self._below = int(settings.capture_rate * 2**32)
        self._headers = frozenset(name.encode().lower() for name in settings.capture_headers.split(","))
        self._redactor: Redactor = redactor(settings.redact)
        self._clean_words = lru_cache(maxsize=1024)(self._words)
        self._few = lru_cache(maxsize=1024)(self._chosen)
        self._kind = lru_cache(maxsize=256)(_kind)
        self._columns = self._redactor.rules.columns
        self.blinded = False
        """Whether a feature is of a redacted column."""
        self._blind: list[int] = []
        self._names: tuple[str, ...] = ()
        self._stricter: dict[str, Keeping] = {}

    def of(self, call: Case) -> Keeping:
        """The rules for one call: these, or stricter ones where a policy says what else to take out."""
        more = call.scope.redact if call.scope is not None else ""
        if not more:
            return self
        found = self._stricter.get(more)
        if found is None:
            if len(self._stricter) >= MOST_STRICTER:
                self._stricter.clear()
            settings = msgspec.structs.replace(self._settings, redact=f"{self._settings.redact},{more}")
            found = self._stricter[more] = Keeping(settings)
            found.blind(self._names)
        return found

    # -- whether -----------------------------------------------------------------------------------

    def weight(
        self,
        trace: str,
        verdict: str,
        status: int,
        failure: str,
        action: str,
        keep: float = 0.0,
        rate: float | None = None,
    ) -> float:
        """How many calls this one stands for in a capture; 0.0: it is not captured. `keep` is the share that
        a rule wants kept of calls like this one, if it wants any; `rate` what its policy says instead of
        `capture-rate`."""
        if keep:
            return 1.0 / keep if is_drawn(trace, keep) else 0.0
        if verdict in ALWAYS or failure or status >= 400 or action in TURNED:
            return 1.0
        if rate is not None:
            return 1.0 / rate if is_drawn(trace, rate) else 0.0
        if _draw(trace) < self._below:
            return 1.0 / self._rate
        return 0.0

    def text(self, text: str) -> str:
        """Somebody's words without secrets."""
        return text if self._redactor.idle else self._redactor.text(text)

    def id(self, id_: str) -> str:
        """A request id without secrets, if it is more than an id: random ones pass for bank accounts."""
        return self.text(id_) if _talks(id_) else id_

    # -- what --------------------------------------------------------------------------------------

    def captured(self, call: Case) -> Captured:
        """What a capture keeps of a call beside its record, without secrets."""
        head, response = call.head, call.response
        try:
            about = response.recorded if response else ()
            asked = self._body(head.recorded, call.kept, call.request_bytes)
            answered = self._body(about, *call.answer())
        except Exception as error:  # told by its kind only: its words may be the body's
            log.error("a body cannot be searched for secrets and is not kept: %s", type(error).__name__)
            asked = answered = UNSEARCHED
        return Captured(
            self._allowed(head, asked.plain),
            self._allowed(response, answered.plain) if response else (),
            asked.data,
            answered.data,
            asked.truncated,
            answered.truncated or call.failure in ("response-truncated", "client-gone"),
            tuple(sorted({*asked.marks, *answered.marks})),
        )

    def _body(self, headers: Headers, pieces: list[bytes], size: int) -> Body:
        data = joined(first(pieces, self.body_bytes))[: self.body_bytes]
        media, coding, _ = self._kind(headers)
        return self._redactor.body(media, coding, data, self._limit, whole=len(data) == size)

    def _allowed(self, head: RequestHead | ResponseHead, opened: bool) -> Headers:
        if self._headers <= KEPT_FOR_RECORD:  # as by default: few fields, and mostly the same
            return _opened(self._few(head.recorded), opened)
        return _opened(self._chosen(head.fields), opened)

    def _chosen(self, headers: Headers) -> Headers:
        return self._texts(tuple(field for field in headers if field[0].lower() in self._headers))

    # -- every record ------------------------------------------------------------------------------

    def clean(self, records: tuple[Record, ...]) -> tuple[Record, ...]:
        """Records without secrets in anything that was the caller's or the model's own words."""
        if self._redactor.idle:
            return records
        records = tuple(map(self._surely_cleaned, records))
        if "card" in self._redactor.rules.patterns:
            records = _without_cards(records)
        return records

    def blind(self, names: tuple[str, ...]) -> None:
        """Take note of the features' names: those of redacted columns are told as missing values."""
        self._names = names
        self._blind = [i for i, name in enumerate(names) if name in self._columns]
        self.blinded = bool(self._blind)
        for one in self._stricter.values():
            one.blind(names)

    def seen(self, features: bytes, rows: int) -> bytes:
        """A block of features without the redacted columns; nothing of those scored by an older baseline,
        whose columns may be others."""
        if len(features) != 8 * rows * len(self._names):
            return b""
        values = np.frombuffer(features, "<f8").reshape(-1, len(self._names)).copy()
        values[:, self._blind] = np.nan
        return values.tobytes()

    def block(self, features: bytes, rows: int) -> bytes:
        """The features of several calls, without those of redacted columns and without card numbers."""
        if self.blinded:
            features = self.seen(features, rows)
        if "card" in self._redactor.rules.patterns and not self._redactor.idle and _large(features):
            return _no_cards(features)
        return features

    def _surely_cleaned(self, record: Record) -> Record:
        """One record that cannot be cleaned must neither leave nor take the others of its batch with it."""
        try:
            return self._cleaned(record)
        except Exception as error:
            log.error(
                "a record cannot be searched for secrets, its texts are left out: %s", type(error).__name__
            )
            return _blanked(record)

    def _cleaned(self, record: Record) -> Record:
        words = _words(record)
        clean = self._clean_words(words) if _short(words) else self._words(words)
        request = self._whole(record.request_headers, record.request_body)
        response = self._whole(record.response_headers, record.response_body)
        id_ = self.id(record.id)
        same = request is record.request_body and response is record.response_body
        if clean == words and same and id_ is record.id:  # equal, because another record may have been first
            return record
        return msgspec.structs.replace(
            record,
            id=id_,
            target=clean.target,
            host=clean.host,
            model=clean.model,
            version=clean.version,
            reason=clean.reason,
            span=msgspec.structs.replace(record.span, state=clean.state, baggage=clean.baggage),
            request_headers=_opened(clean.request, request is not record.request_body),
            response_headers=_opened(clean.response, response is not record.response_body),
            request_body=request,
            response_body=response,
        )

    def _words(self, words: Words) -> Words:
        """The words without secrets; the same object when there are none."""
        text = self._redactor.text
        clean = Words(
            self._redactor.target(words.target),
            text(words.host),
            text(words.model),
            text(words.version),
            text(words.reason),
            text(words.state),
            ",".join(self._redactor.target(f"?{member}")[1:] for member in words.baggage.split(",")),
            self._texts(words.request),
            self._texts(words.response),
        )
        return words if clean == words else clean

    def _whole(self, headers: Headers, body: bytes) -> bytes:
        """A body for the observer's own windows, which need it whole or not at all."""
        if not body:
            return body
        media, coding, odd = self._kind(headers)
        if not odd and body[:2] not in MARKS and not self._redactor.suspicious(body):
            return body
        found = self._redactor.body(media, coding, body, 16 * max(len(body), 65_536))
        if not found.marks and not found.truncated:
            return body
        return b"" if found.truncated else found.data

    def _texts(self, headers: Headers) -> Headers:
        text = self._redactor.text
        return tuple(
            (name, text(value.decode("latin-1")).encode("latin-1", "replace")) for name, value in headers
        )


def _kind(headers: Headers) -> tuple[bytes, bytes, bool]:
    """Content-Type, Content-Encoding, and whether such bodies cannot be searched as they are."""
    media, coding = header(headers, b"content-type") or b"", header(headers, b"content-encoding") or b""
    return media, coding, peculiar(media.lower(), coding)


def _blanked(record: Record) -> Record:
    """The record without anything that the caller or the model wrote."""
    return msgspec.structs.replace(
        record,
        id="",
        target="/",
        host="",
        model="",
        version="",
        reason="",
        span=msgspec.structs.replace(record.span, state="", baggage=""),
        request_headers=(),
        response_headers=(),
        request_body=b"",
        response_body=b"",
    )


def _words(record: Record) -> Words:
    span = record.span
    return Words(
        record.target,
        record.host,
        record.model,
        record.version,
        record.reason,
        span.state,
        span.baggage,
        record.request_headers,
        record.response_headers,
    )


def _short(words: Words) -> bool:
    """Whether these words may be remembered: a caller chooses how many different ones there are."""
    held = len(words.target) + len(words.state) + len(words.baggage)
    return held + sum([len(value) for _, value in words.request]) <= 1024


def _talks(id_: str) -> bool:
    """Whether a request id is more than an id. Numbers are left alone, though some pass for cards: labels
    come back by them."""
    return "@" in id_ or "." in id_ or " " in id_ or "_" in id_


def _opened(headers: Headers, opened: bool) -> Headers:
    """The fields of a body that is now plain."""
    if not opened:
        return headers
    return tuple(field for field in headers if field[0].lower() != b"content-encoding")


def _without_cards(records: tuple[Record, ...]) -> tuple[Record, ...]:
    """Numbers among the features that are card numbers become missing values."""
    if not _large(b"".join([record.features for record in records])):
        return records
    return tuple(_without_card(record) if _large(record.features) else record for record in records)


def _large(features: bytes) -> bool:
    return bool(features) and bool((np.frombuffer(features, "<f8") >= CARD_FROM).any())


def _without_card(record: Record) -> Record:
    return msgspec.structs.replace(record, features=_no_cards(record.features))


def _no_cards(features: bytes) -> bytes:
    values = np.frombuffer(features, "<f8").copy()
    for i in np.flatnonzero((values >= CARD_FROM) & (values < 1e19)).tolist():
        if values[i] == values[i] // 1 and is_card(f"{values[i]:.0f}"):
            values[i] = np.nan
    return values.tobytes()


def is_drawn(trace: str, share: float) -> bool:
    """Whether the call is one of a share of all, the same in every sidecar of a chain."""
    return _draw(trace) < int(share * 2**32)


def _draw(trace: str) -> int:
    """32 bits that are the same for a trace everywhere. A checksum spreads ids that differ little; the
    multiplication (Knuth's) spreads low bits upwards."""
    return zlib.crc32(trace.encode()) * 2654435761 & 0xFFFFFFFF
