"""What the policies say of calls of one kind, ready to be asked: the rules, with their conditions as
functions, and what holds for such calls whatever applies.

Counterparts: `sidecar.policy.rulebook` makes one for each kind of call and remembers it,
`sidecar.policy.course` takes one call through it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec

from sidecar.exchange import Answer, Decision, Expose, Hints, Hit, Mirror, Score
from sidecar.policy.buckets import Buckets
from sidecar.policy.code import Function, function, hasty, metered
from sidecar.policy.facts import AGAIN, FACTS
from sidecar.policy.rules import ACTIONS, Budget, Policy, Rule
from sidecar.policy.tree import Node
from sidecar.policy.tree import facts as facts_of


class Ready(NamedTuple):
    """A rule with its condition as a function. `id` is policy and rule; `scored` says that it asks for
    something that is only known from the body."""

    id: str
    rule: Rule
    holds: Function
    scored: bool
    ends: bool
    first: bool
    """Whether what it does must be known before the model is called."""
    hit: Hit
    sole: Decision | None
    """What comes of it when no other rule has applied."""
    by: Function | None
    """Of a throttle: whose calls are counted together, if not the caller's."""
    buckets: Buckets | None
    mirror: Mirror | None
    again: bool
    """Whether the model must be asked again before the condition can be told."""


class Scope:
    """What the policies say of calls of one kind."""

    def __init__(self, policies: list[Policy], expose: Expose, buckets: dict[str, Buckets]) -> None:
        def first_given(name: str) -> object:
            return next((found for one in policies if (found := getattr(one, name)) is not None), None)

        self.expose: Expose = first_given("expose") or expose  # type: ignore[assignment]
        self.threshold: float | None = first_given("threshold")  # type: ignore[assignment]
        self.deadline: float | None = first_given("deadline")  # type: ignore[assignment]
        self.codec = next((one.codec for one in policies if one.codec), "")
        self.hints = _hints([one.hints for one in policies if one.hints is not None])
        if self.hints is not None and self.hints.detectors:  # each has its own
            self.threshold = None
        self.capture_rate: float | None = first_given("capture_rate")  # type: ignore[assignment]
        self.redact = ",".join([one.redact for one in policies if one.redact])
        self.budget = Budget(
            next((one.budget.share for one in policies if one.budget.share is not None), None),
            next((one.budget.calls for one in policies if one.budget.calls is not None), None),
        )
        self.rules = [
            _ready(policy, rule, self.expose, buckets) for policy in policies for rule in policy.rules
        ]
        self.otherwise = Decision(expose=self.expose)
        self.shown_to_model = any(
            (one.rule.expose or self.expose) in ("model", "both") for one in self.rules
        ) or self.expose in ("model", "both")
        self.metered = list({one.id: one for rule in self.rules for one in metered(rule.rule.when)}.values())
        self.waits = [self._waits(i) for i in range(len(self.rules))]
        self.waits_first = bool(self.waits) and self.waits[0]
        self.mirrors = any(one.mirror is not None and not one.rule.dry_run for one in self.rules)
        """Whether a call may be asked of another model, too."""
        self.masks = any(one.rule.masks and not one.rule.dry_run for one in self.rules)
        """Whether secrets may be masked in the answer."""
        self.again = any(one.again for one in self.rules)
        """Whether the model is to be asked again about a call, with its pictures squeezed."""
        self.again_first = self._waits(0, again=True)
        """Whether that comes first, because a rule may keep the call from the model for it."""
        self.afterwards = tuple(i for i, one in enumerate(self.rules) if one.again and not self.again_first)
        """Rules that are looked at when the call has ended and the model been asked again."""
        self.later = tuple(i for i, one in enumerate(self.rules) if one.scored and i not in self.afterwards)
        self.any_head = _any([one.rule.when for one in self.rules if not one.scored])
        self.any_scored = _any([self.rules[i].rule.when for i in self.later])

    def judged(self, score: Score) -> Score:
        """The same, flagged by the policies' own threshold if they have one."""
        if self.threshold is None or score.verdict not in ("normal", "outlier", "adversarial"):
            return score
        flagged = tuple(i for i, p in enumerate(score.row_p) if p <= self.threshold)
        verdict = "adversarial" if score.evidence else "outlier" if flagged else "normal"
        return msgspec.structs.replace(score, verdict=verdict, flagged=flagged)

    def _waits(self, i: int, *, again: bool = False) -> bool:
        """Whether a call without a score, or whose model was not asked `again`, cannot go on from this rule:
        what blocks from here on, or what would keep it from doing so, depends on that."""
        depends = False
        for one in self.rules[i:]:
            depends = depends or ((one.again if again else one.scored) and (one.ends or one.first))
            if one.first and depends:
                return True
        return False


def _hints(found: list[Hints]) -> Hints | None:
    """Of each kind of hint, that of the first policy that has one."""
    if not found:
        return None
    said = {name: [value for one in found if (value := getattr(one, name))] for name in HINTS}
    return Hints(**{name: values[0] for name, values in said.items() if values})


HINTS = Hints.__struct_fields__


def _any(conditions: list[Node]) -> Function:
    """Whether one of the conditions holds: one look at all of them, because for most calls none does."""
    either = conditions or [Node("const", False)]
    while len(either) > 1:  # in pairs, because a chain would be nested as deep as it is long
        pairs = [either[i : i + 2] for i in range(0, len(either), 2)]
        either = [Node("call", "logical_or", tuple(one)) if len(one) == 2 else one[0] for one in pairs]
    return hasty(either[0])  # where it raises, each rule is asked by itself


def _ready(policy: Policy, rule: Rule, expose: Expose, known: dict[str, Buckets]) -> Ready:
    id_ = f"{policy.name}/{rule.name}"
    wanted = facts_of(rule.when)
    scored = any(FACTS[name].stage == "score" for name in wanted)
    again = any(name.startswith(AGAIN) for name in wanted)
    deed = ACTIONS[rule.action]
    hit = Hit(id_, rule.action, rule.dry_run, rule.detail if rule.action == "alert" else "")
    mirror = rule.mirror(id_)
    sole = None
    if not rule.dry_run and rule.action != "throttle":
        sole = Decision(
            rule.action,
            id_,
            rule.expose or expose,
            rule.label,
            (hit,),
            answer_of(rule, 0.0),
            rule.to if deed.ends else "",
            kept_share([rule]),
            (mirror,) if mirror is not None else (),
            rule.masks,
        )
    key = function(rule.by) if rule.by is not None else None
    buckets = None
    if rule.action == "throttle":
        buckets = known.setdefault(
            buckets_id(policy, rule),
            Buckets(rule.rate, rule.burst or max(1, round(rule.rate))),
        )
    holds = function(rule.when)
    return Ready(id_, rule, holds, scored, deed.ends, deed.first, hit, sole, key, buckets, mirror, again)


def buckets_id(policy: Policy, rule: Rule) -> str:
    """Whose buckets a throttle's are: another's as soon as it says anything else."""
    return f"{policy.name}/{rule.name} {msgspec.json.encode(rule).decode()}"


def answer_of(rule: Rule, wait: float) -> Answer | None:
    """What the caller gets in the model's place; `wait`: seconds until another call may pass."""
    if rule.action == "throttle":
        return Answer("throttled", 429, rule.detail, retry_after=max(1, math.ceil(wait)))
    kind = rule.content_type if rule.body else ""
    if rule.action == "block":
        return Answer("blocked", rule.status, rule.detail, rule.body, kind)
    if rule.action == "fallback" and rule.body:
        return Answer("", rule.status, "", rule.body, kind)
    return None


def kept_share(rules: list[Rule]) -> float:
    """The share of calls like this one that the rules want kept; 0.0 when they want nothing."""
    shares = [rule.share if rule.action == "sample" else 1.0 for rule in rules if rule.action in KEEPING]
    return max(shares, default=0.0)


def masked(rules: list[Rule]) -> tuple[str, ...]:
    """The kinds of secrets that any of the rules wants masked."""
    return tuple(dict.fromkeys(name for rule in rules for name in rule.masks))


KEEPING = ("quarantine", "alert", "sample")
