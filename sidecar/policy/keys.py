"""The table of every key that a policy document may have.

docs/policies.md, policies/schema.json and the checks follow from it. Counterparts: `sidecar.policy.kinds`
reads the values, `sidecar.policy.rules` is what they become.
"""

from __future__ import annotations

from typing import Any, get_args

from sidecar.exchange import Expose
from sidecar.policy import kinds
from sidecar.policy.documents import Key
from sidecar.policy.rules import ACTIONS
from sidecar.settings import Format

API_VERSION = "sidecar/v1"

EXPOSE = kinds.choice(*get_args(Expose))


def schema_of(keys: dict[str, Key]) -> dict[str, Any]:
    """The JSON Schema of a mapping with these keys."""
    return {
        "type": "object",
        "properties": {name: {"description": key.meaning} | key.kind.schema for name, key in keys.items()},
        "required": [name for name, key in keys.items() if key.required],
        "additionalProperties": False,
    }


MATCH: dict[str, Key] = {
    "host": Key(kinds.PATTERNS, "The request's Host.", '"*.example.com"'),
    "path": Key(kinds.PATTERNS, "The raw path, without the query.", "/v2/models/*/infer"),
    "method": Key(kinds.PATTERNS, "The method.", "POST"),
    "model": Key(kinds.PATTERNS, "The model that the path names.", "flight-*"),
    "headers": Key(
        kinds.HEADER_PATTERNS, "Fields of the request, all of which must fit.", '{x-team: "red*"}'
    ),
}
"""Under `match`. A call must fit every key that is there."""

SCHEMA: dict[str, Key] = {
    "names": Key(kinds.COLUMNS, "What the columns are called, by their position.", "[age, income]"),
    "ignore": Key(kinds.COLUMNS, "Columns that the baseline does not know.", "[sent_at]"),
    "rename": Key(kinds.RENAMED, "Columns that it knows by another name.", "{amt: amount}"),
}
"""Under `schema`, in this order, where a client names columns otherwise than the reference did."""

BUDGET: dict[str, Key] = {
    "share": Key(
        kinds.number("a number from 0 to 1", 0.0, 1.0),
        "Share of the calls about which the model is asked again, instead of the setting `squeeze-share`.",
        "0.05",
    ),
    "calls": Key(
        kinds.number("a whole number from 1 to 4096", 1, 4096, whole=True),
        "None is asked about while one worker asks about so many, instead of the setting `squeeze-calls`.",
        "2",
    ),
}
"""Under `budget`: what rules about `inconsistent.p` may cost the model."""

RULE: dict[str, Key] = {
    "name": Key(
        kinds.name("the rule's name"), "What `x-policy-action` and metrics call it.", "extreme", True
    ),
    "when": Key(
        kinds.expression(), "The condition. Without one the rule always applies.", 'verdict == "outlier"'
    ),
    "action": Key(kinds.choice(*ACTIONS), "What happens when the condition holds.", "block", True),
    "dry-run": Key(kinds.FLAG, "Only count and record what would have happened.", "true"),
    "fail": Key(
        kinds.choice("open", "closed"),
        "What happens when the condition cannot be told, because there is no score or something it asks for "
        "is not there: `open`, the default, the rule does not apply; `closed`, it does.",
        "closed",
    ),
    "expose": Key(EXPOSE, "Who sees the anomaly headers when this rule applies.", "none"),
    "label": Key(kinds.name("a label"), "A word of yours beside the rule's name.", "review", False, ("tag",)),
    "status": Key(
        kinds.number("a status from 200 to 599", 200, 599, whole=True),
        "Status of the answer; without, 403 for `block` and 200 for `fallback`.",
        "422",
        False,
        ("block", "fallback"),
    ),
    "detail": Key(
        kinds.text("a sentence", 512),
        "What the answer says, as `detail` of its problem+json; or what the alert says.",
        '"Ask for a review."',
        False,
        ("block", "throttle", "alert"),
    ),
    "body": Key(
        kinds.text("the text of a body", 65_536),
        "The whole body of the answer, instead of problem+json.",
        "'{\"label\": null}'",
        False,
        ("block", "fallback"),
    ),
    "content-type": Key(
        kinds.text("a media type", 128),
        "Of `body`; application/json without.",
        "text/plain",
        False,
        ("block", "fallback"),
    ),
    "to": Key(
        kinds.URL,
        "The other model. It gets the same path, fields and body.",
        "http://127.0.0.1:8081",
        False,
        ("fallback", "shadow"),
    ),
    "share": Key(
        kinds.number("a number above 0 and up to 1", 1e-6, 1.0),
        "Share of the calls that are kept, or asked of the other model: all without, for `shadow`.",
        "0.1",
        False,
        ("sample", "shadow"),
    ),
    "tolerance": Key(
        kinds.number("a number from 0 to 1", 0.0, 1.0),
        "Numbers of two answers that differ by less than this part of their size are equal; without, "
        "0.000001.",
        "0.001",
        False,
        ("shadow",),
    ),
    "secrets": Key(
        kinds.SECRETS,
        "What is masked, by the names that the setting `redact` has for it; all of these without.",
        kinds.SECRETS_EXAMPLE,
        False,
        ("mask",),
    ),
    "rate": Key(kinds.RATE, "Calls that may pass for each `by`.", "100/min", False, ("throttle",)),
    "burst": Key(
        kinds.number("a whole number from 1 to 1000000", 1, 1_000_000, whole=True),
        "Calls that may pass at once after a pause; without, as many as in a second.",
        "20",
        False,
        ("throttle",),
    ),
    "by": Key(
        kinds.expression("string", head_only=True),
        "Whose calls are counted together: a text that is known before; `client` without. Callers for which "
        "it cannot be told are counted as one.",
        'headers["x-api-key"]',
        False,
        ("throttle",),
    ),
}
"""Under each of `rules`."""

POLICY: dict[str, Key] = {
    "apiVersion": Key(kinds.choice(API_VERSION), "Which edition of this table.", API_VERSION, True),
    "kind": Key(kinds.choice("Policy"), "What the document is.", "Policy", True),
    "name": Key(kinds.name("the policy's name"), "What headers and metrics call it.", "public-edge", True),
    "description": Key(kinds.text(), "What it is for.", '"Hide scores from the public."'),
    "match": Key(
        kinds.nested("a mapping, see below", schema_of(MATCH)),
        "Which calls it is for; all without.",
        "{model: flight}",
    ),
    "expose": Key(EXPOSE, "Who sees the anomaly headers, instead of the setting `expose`.", "model"),
    "threshold": Key(
        kinds.number("a number between 0 and 1, such as 0.01", 0.0, 1.0, open_ends=True),
        "A row is an outlier when its p-value is at most this, instead of the setting `threshold`.",
        "0.001",
    ),
    "codec": Key(
        kinds.choice(*get_args(Format)),
        "Wire format of the bodies, instead of the setting `codec`: for one route that no codec knows.",
        "csv",
    ),
    "schema": Key(
        kinds.nested("a mapping, see below", schema_of(SCHEMA)),
        "What the columns of the bodies are, where they are not called as in the baseline.",
        "{rename: {amt: amount}}",
    ),
    "detectors": Key(
        kinds.THRESHOLDS,
        "The detectors of the baseline that are asked, each with the p-value at or under which it makes a "
        "row an outlier; without, all of them together by `threshold`.",
        "{ecod: 0.001, iforest: 0.0005}",
    ),
    "budget": Key(
        kinds.nested("a mapping, see below", schema_of(BUDGET)),
        "For how many of its calls the model may be asked again, where a rule asks for `inconsistent.p`.",
        "{share: 0.05}",
    ),
    "capture-rate": Key(
        kinds.number("a number from 0 to 1", 0.0, 1.0),
        "Share of the calls kept that are not kept anyway, instead of the setting `capture-rate`.",
        "0.5",
    ),
    "redact": Key(
        kinds.REDACTION,
        "What is taken out of such calls before they are kept or told, beside what the setting `redact` "
        "takes. Of several policies all is taken out.",
        '"$.user.phone,column:income"',
    ),
    "deadline": Key(
        kinds.seconds(0.001, 60.0),
        "How long a call waits for its score, instead of `score-deadline`.",
        "20ms",
    ),
    "rules": Key(
        kinds.nested("a list of rules, see below", {"type": "array", "items": schema_of(RULE)}),
        "What is looked at, in order.",
        "[{name: odd, action: tag}]",
    ),
}
"""At the top of a document."""


def schema() -> dict[str, Any]:
    """The JSON Schema of a policy document, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A policy of sidecar",
        **schema_of(POLICY),
    }
