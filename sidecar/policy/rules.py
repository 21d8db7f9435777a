"""What a checked policy is: plain frozen data, which the checking process writes and the data plane reads.

Counterparts: `sidecar.policy.checking` makes it from documents, `sidecar.policy.rulebook` goes by it.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias, get_args

import msgspec

from sidecar.exchange import Expose, Hints, Mirror
from sidecar.policy.tree import Node
from sidecar.redaction.patterns import PATTERNS

Action: TypeAlias = Literal[
    "allow", "tag", "block", "throttle", "fallback", "shadow", "mask", "quarantine", "sample", "alert"
]


class Deed(NamedTuple):
    """One row of `ACTIONS`: what an action does, whether it ends the search, and whether it must be known
    before the model is called."""

    meaning: str
    ends: bool
    first: bool


ACTIONS: dict[Action, Deed] = {
    "allow": Deed("Let the call pass, and look at no further rule.", ends=True, first=False),
    "tag": Deed(
        "Name the rule, and its `label`, in `x-policy-action`, record, span and metrics.", False, False
    ),
    "block": Deed("Answer with `status` instead of the model.", ends=True, first=True),
    "throttle": Deed(
        "Let `rate` calls pass for each `by`, and `burst` at once; answer the others with 429 and "
        "Retry-After. Only for those it ends the search.",
        ends=True,
        first=True,
    ),
    "fallback": Deed(
        "Send the call to another model (`to`), or answer it with `body` and `status`.", ends=True, first=True
    ),
    "shadow": Deed(
        "Ask another model (`to`) the same, a `share` of the calls, and compare its answer with the one that "
        "the caller got.",
        False,
        False,
    ),
    "mask": Deed(
        "Put stars for the `secrets` in a language model's answer on its way to the caller.", False, False
    ),
    "quarantine": Deed("Keep the whole exchange, if captures are kept.", False, False),
    "sample": Deed("Keep a `share` of the exchanges, with its weight, if captures are kept.", False, False),
    "alert": Deed(
        "Log it, list it under `/api/v1/policies`, post it to `alert-url`, and keep the exchange as "
        "`quarantine` does.",
        False,
        False,
    ),
}
"""Every action. Rules are looked at in order; one that ends it is the last, the others are noted on the
way."""

assert set(ACTIONS) == set(get_args(Action))


class Match(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which calls a policy is for: patterns, any of which must fit; an empty tuple fits everything."""

    host: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    method: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    headers: dict[str, tuple[str, ...]] = {}


class Rule(msgspec.Struct, frozen=True, omit_defaults=True):
    """One rule. The last lines are for some actions only, as `sidecar.policy.keys` says."""

    name: str
    when: Node
    action: Action
    text: str = ""
    """The condition as it stands in the file."""
    dry_run: bool = False
    closed: bool = False
    """Whether it applies when what it asks for is not there."""
    expose: Expose | None = None
    label: str = ""
    status: int = 403
    detail: str = ""
    body: str = ""
    content_type: str = "application/json"
    to: str = ""
    share: float = 1.0
    rate: float = 0.0
    burst: int = 0
    by: Node | None = None
    tolerance: float = 1e-6
    secrets: tuple[str, ...] = tuple(PATTERNS)

    def mirror(self, id_: str) -> Mirror | None:
        """What it wants asked of another model, too."""
        return Mirror(id_, self.to, self.share, self.tolerance) if self.action == "shadow" else None

    @property
    def masks(self) -> tuple[str, ...]:
        """The kinds of secrets that it wants masked."""
        return self.secrets if self.action == "mask" else ()


class Budget(msgspec.Struct, frozen=True, omit_defaults=True):
    """What asking the model again may cost: a share of the calls, and how many at a time. None: as the
    settings say."""

    share: float | None = None
    calls: int | None = None


class Policy(msgspec.Struct, frozen=True, omit_defaults=True):
    """One policy."""

    name: str
    file: str
    match: Match = Match()
    expose: Expose | None = None
    threshold: float | None = None
    deadline: float | None = None
    rules: tuple[Rule, ...] = ()
    description: str = ""
    codec: str = ""
    capture_rate: float | None = None
    redact: str = ""
    hints: Hints | None = None
    budget: Budget = Budget()


class Policies(msgspec.Struct, frozen=True):
    """All policies in force, in their order. `digest`: of what they say, wherever it stands."""

    digest: str
    policies: tuple[Policy, ...]
