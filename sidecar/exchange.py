"""The nouns: what a call is called at each stage of its way through the sidecar.

    bytes in -> Request -> Payload -> Features -> Score -> Decision -> forwarded -> Reply -> bytes out
    and afterwards, for the observer: Record

Every noun is frozen: a stage makes the next value, it never edits the one it was given.
Counterpart: `sidecar.link`, which carries Records from the data plane to the observer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]
"""Header fields as they stood on the wire: order, case and duplicates kept."""

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix: TypeAlias = NDArray[np.float64]
else:  # only annotations speak of it, and not everybody who knows a record has a use for numpy
    Matrix = Any
"""Rows x features, float64, C-contiguous; NaN is a missing value."""

Verdict: TypeAlias = Literal["normal", "outlier", "adversarial", "unscored", "learning"]


def header(headers: Headers, name: bytes) -> bytes | None:
    """The first value of the field called `name` (given in lower case), or None."""
    for key, value in headers:
        if len(key) == len(name) and key.lower() == name:
            return value
    return None


class Request(msgspec.Struct, frozen=True, gc=False):
    """A whole request as a codec needs it. `target` is the raw request target, path and query."""

    method: str
    target: str
    headers: Headers
    body: bytes

    @property
    def path(self) -> str:
        """The raw path: no query, percent-encoding kept."""
        return self.target.partition("?")[0]


class Reply(msgspec.Struct, frozen=True, gc=False):
    """The model's whole answer as a codec needs it."""

    status: int
    headers: Headers
    body: bytes


class Tensor(msgspec.Struct, frozen=True):
    """One named array of a payload; the first axis is the row.

    `data` has shape (rows, ...): numbers and booleans in their own dtype, text as an object array of
    `str` with None for null. `columns` names the second axis of a two-dimensional tensor
    where the wire format did (a data frame, a CSV header).
    """

    name: str
    data: NDArray[Any]
    columns: tuple[str, ...] | None = None


class Payload(msgspec.Struct, frozen=True):
    """What a codec read out of a body: named tensors that share their number of rows."""

    codec: str
    tensors: tuple[Tensor, ...]
    model: str | None = None
    version: str | None = None
    brought: tuple[int, ...] = ()
    """See `Record.brought`."""
    vectors: NDArray[Any] | None = None
    """Embeddings of an answer, (rows, numbers); no tensor, because their numbers mean nothing alone."""

    @property
    def rows(self) -> int:
        return int(self.tensors[0].data.shape[0]) if self.tensors else 0


class Features(msgspec.Struct, frozen=True):
    """A payload laid out against a schema.

    `values`: (rows, fields) as the schema orders them, NaN where missing, categories as codes; this is
    what windows are kept of. `matrix`: (rows, columns) ready for the detectors, without NaN.
    `unscorable`: row number -> reason, for rows that have no honest place in `matrix`. `sound` says that
    every cell of `matrix` has been seen to be finite, so that nobody need look again.
    """

    values: Matrix
    matrix: Matrix
    unscorable: dict[int, str] = {}
    sound: bool = False


class DetectorScore(msgspec.Struct, frozen=True, array_like=True):
    """One detector's opinion of the worst row: its raw score (equal to PyOD's), the conformal p
    of that score, and the names of the features that contributed most, largest first."""

    name: str
    raw: float
    p: float
    top: tuple[str, ...] = ()


Sign: TypeAlias = Literal["query-sequence", "noise", "inconsistent", "text"]


class Evidence(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A sign that an input was made to fool the model, whatever the detectors say of it.

    `query-sequence`: it is the `n`-th of questions near one another, the first of which came at `since` (Unix
    time) and which `clients` callers asked. `noise`: a picture has noise, most of all by the measure
    `by`, that a share `p` of clean ones has. `inconsistent`: its answer changes when the squeezer `by` takes
    out what is small, as a share `p` of answers does. `text`: a text is as strange by the
    measure `by` as a share `p` of clean ones is.
    """

    sign: Sign
    n: int = 0
    since: float = 0.0
    clients: int = 0
    p: float = 0.0
    by: str = ""


class Score(msgspec.Struct, frozen=True):
    """What scoring says of one request.

    `p` is the worst row's combined conformal p-value; `row_p` every row's (NaN: that row is unscored).
    `flagged` are the row numbers with p at or under the threshold. With verdict `unscored` the `reason`
    says why and `p` is NaN; with `learning`, `seen` and `need` count rows.
    """

    verdict: Verdict
    p: float
    row_p: tuple[float, ...] = ()
    flagged: tuple[int, ...] = ()
    detectors: tuple[DetectorScore, ...] = ()
    reason: str = ""
    seen: int = 0
    need: int = 0
    evidence: tuple[Evidence, ...] = ()
    """Signs that the call is an attack; with any, the verdict is `adversarial`."""
    noise_p: float = float("nan")
    """The share of clean pictures with as much noise as the noisiest row; NaN where that's not looked at."""
    inconsistent_p: float = float("nan")
    """The share of clean answers that shift as far when the question is squeezed; NaN where nobody asked."""


Expose: TypeAlias = Literal["caller", "model", "both", "none"]


class Hit(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A rule that applied to a call, as policy/rule; with `dry_run` it only would have. `detail` is what an
    alert says."""

    rule: str
    action: str
    dry_run: bool = False
    detail: str = ""


class Answer(msgspec.Struct, frozen=True):
    """What a caller gets in place of the model's answer: `body` as it is, or a problem of this `cause`."""

    cause: str
    status: int
    detail: str = ""
    body: str = ""
    content_type: str = ""
    retry_after: int = 0


class Hints(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a policy wants its calls read and scored, where that is otherwise than the baseline would.

    `names`, `ignore` and `rename`: see `sidecar.features.hints`. `detectors`: those that are asked, each with
    the p-value at or under which it finds a row odd; empty: all of them together.
    """

    names: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    rename: dict[str, str] = {}
    detectors: dict[str, float] = {}


class Mirror(msgspec.Struct, frozen=True):
    """What a rule wants asked of another model, too: a `share` of the calls, sent to the URL `to` once they
    have been answered. Numbers of the two answers that differ by less than `tolerance` of their size are
    equal."""

    rule: str
    to: str
    share: float
    tolerance: float


class Decision(msgspec.Struct, frozen=True):
    """What policy makes of a call: the action, the rule that chose it, who may see the facts.

    `label` is the policy's own word beside the rule; `hits` are all rules that applied, in their order;
    `answer` is what the caller gets without the model being called.
    """

    action: str = "allow"
    rule: str = "default"
    expose: Expose = "caller"
    label: str = ""
    hits: tuple[Hit, ...] = ()
    answer: Answer | None = None
    to: str = ""
    """URL of another model, for this call."""
    keep: float = 0.0
    """Share of calls like this one that a capture is to keep; 0.0: as the settings say."""
    mirrors: tuple[Mirror, ...] = ()
    masks: tuple[str, ...] = ()
    """Kinds of secrets that are masked in the answer on its way to the caller."""


class SpanIds(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Trace identity of one exchange, as lower-case hex. `parent` is the caller's span or empty.

    `server` names our SERVER span, `client` our CLIENT span for the call to the model (its id is what
    the model sees in `traceparent`). `sampled` is the head's decision; it is passed on unchanged. `random`
    says that the trace id is known to be random (the random-trace-id flag of Trace Context level 2).
    """

    trace: str
    server: str
    client: str
    parent: str = ""
    sampled: bool = False
    state: str = ""
    baggage: str = ""
    random: bool = False


class Captured(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a capture keeps of an exchange beside its record; all of it redacted (`sidecar.redaction`).

    Header fields are those that `capture-headers` allows. Bodies are cut at `capture-body-bytes`, which the
    flags say, or broke off; compressed ones are plain. `marks` names what was taken out.
    """

    request_headers: Headers
    response_headers: Headers
    request_body: bytes
    response_body: bytes
    request_truncated: bool
    response_truncated: bool
    marks: tuple[str, ...] = ()


class Shadowed(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What came of asking another model, too, where its answer was another (`sidecar.proxy.shadowing`).

    `rows` were compared and `differing` of them differ. `column` is the one that differs in most of them, and
    `largest` by how much its numbers do at most; NaN for what is no number. `detail` says why there is
    no answer.
    """

    rule: str
    id: str
    trace: str
    started_ns: int
    outcome: str
    status: int
    other_status: int
    rows: int = 0
    differing: int = 0
    column: str = ""
    largest: float = float("nan")
    detail: str = ""


class Record(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One finished exchange, as the data plane tells it to the observer.

    Times: `started_ns` is Unix time; the others are nanoseconds after it, 0 where it never came to
    that. `features` is the little-endian float64 block of `Features.values` with `rows` rows, or empty
    when the call was not laid out against a schema. Bodies are kept only where the observer has a use
    for them and up to the capture limit; `request_body` is there while learning and with flagged
    rows that may hold a new category, `response_body` where a codec knows the route, of many calls with a
    sample (`sidecar.proxy.told_bodies`). `failure` is empty or the name of what broke (`upstream-refused`,
    `client-gone`, `response-truncated`, ...; the table is in `sidecar.errors`).
    """

    id: str
    span: SpanIds
    started_ns: int
    forwarded_ns: int
    first_byte_ns: int
    ended_ns: int
    scored_ns: int
    """How long scoring took, not when: nanoseconds of work."""
    method: str
    target: str
    host: str
    client: str
    status: int
    failure: str
    request_bytes: int
    response_bytes: int
    request_headers: Headers
    response_headers: Headers
    codec: str
    model: str
    version: str
    rows: int
    features: bytes
    verdict: Verdict
    reason: str
    p: float
    row_p: tuple[float, ...]
    flagged: tuple[int, ...]
    detectors: tuple[DetectorScore, ...]
    action: str
    rule: str
    request_body: bytes
    response_body: bytes
    baseline: str
    """Short digest of the baseline that scored this call, so that a swap is visible in the data."""
    weight: float = 0.0
    """How many calls this one stands for in a capture; 0.0: it isn't captured."""
    captured: Captured | None = None
    hits: tuple[Hit, ...] = ()
    """All rules of policies that applied, in their order."""
    evidence: tuple[Evidence, ...] = ()
    """Signs that the call is an attack."""
    first_event_ns: int = 0
    """Of an answer that came event by event: when the first came, in nanoseconds after `started_ns`."""
    events: int = 0
    """How many there were: of a language model, about as many as tokens."""
    brought: tuple[int, ...] = ()
    """The tool calls whose results a conversation brings back, as digests of their ids
    (`sidecar.codecs.tool_calls`)."""


class Alike(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Plain calls that were alike, told in brief (`sidecar.proxy.briefs`): what they have in common stands in
    the `record` of the first of them, which counts among them.

    `numbers` are those of every call, little-endian float64: `ended_ns`, `forwarded_ns`, `first_byte_ns`,
    `scored_ns`, `request_bytes`, `response_bytes` and `p` of a record. `features` are the features of all,
    one after the other, `rows` in all. `clients` are the callers, with calls and rows of each. `sampled` is
    how many the head would have had traced.
    """

    record: Record
    numbers: bytes
    features: bytes
    rows: int
    clients: dict[str, tuple[int, int]]
    sampled: int = 0

    @property
    def calls(self) -> int:
        return len(self.numbers) // (8 * NUMBERS)


NUMBERS = 7
"""Numbers of each call in `Alike`."""


JoinedHow: TypeAlias = Literal["context", "request-id", "only-one", "ambiguous", "none"]


class Joined(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How a call of the model was joined to the call it was answering (`sidecar.proxy.egress.joining`).

    `confidence` is 1.0 on the first three rungs, one over the number of candidates when they are `ambiguous`,
    and 0.0 when there was `none`. `links`: the candidates' (trace, CLIENT span), where no parent was named.
    """

    how: JoinedHow
    confidence: float
    links: tuple[tuple[str, str], ...] = ()


class Outbound(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A finished call of the model to somebody else: `to` is the route's name, or host:port."""

    record: Record
    to: str
    joined: Joined
