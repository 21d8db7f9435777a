"""Policy documents that are wrong, each in one way, and what `sidecar check` says of it.

The table is the test (`test_checking.py`) and the documentation (`docs/policy-errors.md`):

    python -m tests.policy.wrong    writes it into docs/policy-errors.md
"""

# ruff: noqa: E501  (a table: a row is easier to read in one line than cut)

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, get_args

from sidecar.policy.expressions import FUNCTIONS
from sidecar.policy.facts import FACTS
from sidecar.policy.keys import MATCH, POLICY
from sidecar.policy.rules import ACTIONS
from sidecar.settings import Format

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "policy-errors.md"
BEGIN, END = "<!-- table: written by tests/policy/wrong.py -->", "<!-- end of the table -->"

HEAD = "apiVersion: sidecar/v1\nkind: Policy\nname: p\n"


class Row(NamedTuple):
    """The lines that are wrong, and what is said, in which `{FACTS}` and the like stand for the names of all there
    are. What comes before the lines is right."""

    lines: str
    said: str
    before: str = HEAD

    @property
    def text(self) -> str:
        return self.before + self.lines

    @property
    def error(self) -> str:
        said = self.said
        for name, listed in LISTS.items():
            said = said.replace(f"{{{name}}}", ", ".join(listed))
        return said


LISTS = {
    "POLICY": POLICY,
    "MATCH": MATCH,
    "FACTS": FACTS,
    "FUNCTIONS": FUNCTIONS,
    "ACTIONS": ACTIONS,
    "CODECS": get_args(Format),
}


GROUPS: dict[str, list[Row]] = {
    "The document": [
        Row(
            "apiVersion: sidecar/v1\nkind: Policy",
            'p.yaml:1:1: the document: "name" is missing; such as `name: public-edge`',
            "",
        ),
        Row(
            "kind: Policy\nname: p",
            'p.yaml:1:1: the document: "apiVersion" is missing; such as `apiVersion: sidecar/v1`',
            "",
        ),
        Row(
            "apiVersion: sidecar/v2\nkind: Policy\nname: p",
            'p.yaml:1:13: apiVersion: "sidecar/v2" is unknown; did you mean "sidecar/v1"?',
            "",
        ),
        Row(
            "apiVersion: sidecar/v1\nkind: policy\nname: p",
            'p.yaml:2:7: kind: "policy" is unknown; did you mean "Policy"?',
            "",
        ),
        Row(
            "apiVersion: sidecar/v1\nkind: ConfigMap\nname: p",
            'p.yaml:2:7: kind: "ConfigMap" is unknown; expected Policy',
            "",
        ),
        Row("# nothing yet", "p.yaml:1:1: holds no policy; expected a document with `kind: Policy`", ""),
        Row(
            "- apiVersion: sidecar/v1",
            "p.yaml:1:1: the document: is a list; expected a mapping with {POLICY}",
            "",
        ),
        Row("just text", "p.yaml:1:1: the document: is text; expected a mapping with {POLICY}", ""),
        Row("name: [p", "p.yaml:1:9: not YAML: expected ',' or ']', but got '<stream end>'", ""),
        Row("name: p\n\tkind: Policy", "p.yaml:2:1: not YAML: a tab; indent with spaces", ""),
        Row("a: b: c", "p.yaml:1:5: not YAML: a colon and a space inside a value; put quotes around it", ""),
        Row("[name]: q", "p.yaml:4:1: the document: a key is a list; expected a name"),
        Row("name: q", 'p.yaml:4:1: name: a second "name"; the first is in line 3'),
        Row("rule: []", 'p.yaml:4:1: rule: unknown key "rule"; did you mean "rules"?'),
        Row("spec: {rules: []}", 'p.yaml:4:1: spec: unknown key "spec"; there are {POLICY}'),
        Row("metadata: {name: p}", 'p.yaml:4:1: metadata: unknown key "metadata"; there are {POLICY}'),
        Row("description: 5", "p.yaml:4:14: description: is a number; expected text; put quotes around it"),
        Row(
            "name: 7",
            "p.yaml:3:7: name: is a number; expected the policy's name; put quotes around it",
            "apiVersion: sidecar/v1\nkind: Policy\n",
        ),
        Row(
            "name: two words",
            'p.yaml:3:7: name: "two words" is no name; use up to 64 letters, digits, "-", "_" and "."',
            "apiVersion: sidecar/v1\nkind: Policy\n",
        ),
        Row(
            "expose: everyone",
            'p.yaml:4:9: expose: "everyone" is unknown; expected one of caller, model, both, none',
        ),
        Row("expose: modle", 'p.yaml:4:9: expose: "modle" is unknown; did you mean "model"?'),
        Row(
            "threshold: 1",
            "p.yaml:4:12: threshold: 1 is out of range; expected a number between 0 and 1, such as 0.01",
        ),
        Row(
            "threshold: 5%",
            "p.yaml:4:12: threshold: is text; expected a number between 0 and 1, such as 0.01",
        ),
        Row(
            "threshold: -0.1",
            "p.yaml:4:12: threshold: -0.1 is out of range; expected a number between 0 and 1, such as 0.01",
        ),
        Row("schema: [a]", "p.yaml:4:9: schema: is a list; expected a mapping with names, ignore, rename"),
        Row("schema: {nmes: [a]}", 'p.yaml:4:10: schema.nmes: unknown key "nmes"; did you mean "names"?'),
        Row(
            "schema: {names: a}",
            "p.yaml:4:17: schema.names: is text; expected a list of columns, such as [age, income]",
        ),
        Row(
            "schema: {names: [a, 1]}",
            "p.yaml:4:21: schema.names: is a number; expected the name of a column; put quotes around it",
        ),
        Row(
            "schema: {rename: [a, b]}",
            "p.yaml:4:18: schema.rename: is a list; expected columns with their names in the baseline, such as {amt: amount}",
        ),
        Row("budget: 0.05", "p.yaml:4:9: budget: is a number; expected a mapping with share, calls"),
        Row("budget: {share: 5%}", "p.yaml:4:17: budget.share: is text; expected a number from 0 to 1"),
        Row(
            "budget: {calls: 0}",
            "p.yaml:4:17: budget.calls: 0 is out of range; expected a whole number from 1 to 4096",
        ),
        Row("budget: {rate: 1/s}", 'p.yaml:4:10: budget.rate: unknown key "rate"; there are share, calls'),
        Row(
            "detectors: [ecod]",
            "p.yaml:4:12: detectors: is a list; expected detectors with their thresholds, such as {ecod: 0.001}",
        ),
        Row(
            "detectors: {ecod: 1}",
            "p.yaml:4:19: detectors: 1 is out of range; expected a number between 0 and 1, such as 0.01",
        ),
        Row(
            "threshold: 0.01\ndetectors: {ecod: 0.01}",
            "p.yaml:4:12: threshold: each of `detectors` has its own",
        ),
        Row(
            "codec: jsno",
            'p.yaml:4:8: codec: "jsno" is unknown; expected one of {CODECS}',
        ),
        Row("capture-rate: 2", "p.yaml:4:15: capture-rate: 2 is out of range; expected a number from 0 to 1"),
        Row("capture-rate: 10%", "p.yaml:4:15: capture-rate: is text; expected a number from 0 to 1"),
        Row(
            "redact: emial",
            'p.yaml:4:9: redact: names "emial"; there are email, card, iban, token, aws, pem, named, $.json.path and column:NAME',
        ),
        Row(
            "redact: $.user..", "p.yaml:4:9: redact: has the path $.user.., which cannot be read from '..' on"
        ),
        Row(
            "redact: [email]",
            "p.yaml:4:9: redact: is a list; expected rules such as email,$.user.phone,column:ssn",
        ),
        Row(
            "deadline: 5 minutes",
            'p.yaml:4:11: deadline: "5 minutes" is no time; expected a time from 1ms to 60s, such as 50ms or 2s',
        ),
        Row(
            "deadline: 0",
            "p.yaml:4:11: deadline: 0 is out of range; expected a time from 1ms to 60s, such as 50ms or 2s",
        ),
        Row(
            "deadline: 2h",
            "p.yaml:4:11: deadline: 2h is out of range; expected a time from 1ms to 60s, such as 50ms or 2s",
        ),
        Row(
            "---\napiVersion: sidecar/v1\nkind: Policy\nname: p\nexpose: none",
            'p.yaml:7:7: name: a second policy called "p"; the first is in p.yaml:3',
        ),
        Row("description: &a [*a]", "p.yaml:4:14: description: is a list; expected text"),
    ],
    "What it is for": [
        Row("match: /v2/*", "p.yaml:4:8: match: is text; expected a mapping with {MATCH}"),
        Row("match: {paths: /v2/*}", 'p.yaml:4:9: match.paths: unknown key "paths"; did you mean "path"?'),
        Row("match: {route: /v2/*}", 'p.yaml:4:9: match.route: unknown key "route"; there are {MATCH}'),
        Row(
            "match: {path: []}",
            "p.yaml:4:15: match.path: is empty, so nothing would ever fit; leave it out, or name a pattern",
        ),
        Row(
            "match: {path: ''}",
            'p.yaml:4:15: match.path: is empty; expected a pattern such as "*.example.com"',
        ),
        Row(
            "match: {path: {prefix: /v2}}",
            "p.yaml:4:15: match.path: is a mapping; expected a pattern, or a list of them",
        ),
        Row(
            "match: {method: [POST, null]}",
            "p.yaml:4:24: match.method: is no value; expected a pattern, or a list of them",
        ),
        Row(
            "match: {headers: x-team}",
            "p.yaml:4:18: match.headers: is text; expected a mapping of field names to patterns",
        ),
        Row(
            "match: {headers: {'x team': red}}",
            'p.yaml:4:19: match.headers: "x team" is no name of a header field',
        ),
        Row(
            "match: {headers: {x-team: }}",
            "p.yaml:4:26: match.headers: is no value; expected a pattern, or a list of them",
        ),
    ],
    "Rules": [
        Row("rules:\n  - {name: r}", 'p.yaml:5:5: rules[0]: "action" is missing; such as `action: block`'),
        Row("rules:\n  - {action: tag}", 'p.yaml:5:5: rules[0]: "name" is missing; such as `name: extreme`'),
        Row(
            "rules:\n  - {name: r, action: deny}",
            'p.yaml:5:23: rules[0].action: "deny" is unknown; expected one of {ACTIONS}',
        ),
        Row(
            "rules:\n  - {name: r, action: blok}",
            'p.yaml:5:23: rules[0].action: "blok" is unknown; did you mean "block"?',
        ),
        Row(
            "rules:\n  - {name: r, action: [tag]}",
            "p.yaml:5:23: rules[0].action: is a list; expected one of {ACTIONS}",
        ),
        Row(
            "rules:\n  - {name: r, action: tag, when: [a]}",
            "p.yaml:5:34: rules[0].when: is a list; expected an expression",
        ),
        Row(
            "rules:\n  - {name: r, actoin: tag}",
            'p.yaml:5:5: rules[0]: "action" is missing; such as `action: block`\np.yaml:5:15: rules[0].actoin: unknown key "actoin"; did you mean "action"?',
        ),
        Row(
            "rules:\n  - {name: 'a b', action: tag}",
            'p.yaml:5:12: rules[0].name: "a b" is no name; use up to 64 letters, digits, "-", "_" and "."',
        ),
        Row(
            "rules:\n  - {name: r, action: tag, dryrun: true}",
            'p.yaml:5:28: rules[0].dryrun: unknown key "dryrun"; did you mean "dry-run"?',
        ),
        Row(
            "rules:\n  - {name: r, action: tag, dry-run: 1}",
            "p.yaml:5:37: rules[0].dry-run: is a number; expected true or false",
        ),
        Row(
            "rules:\n  - {name: r, action: tag, dry-run: 'yes'}",
            "p.yaml:5:37: rules[0].dry-run: is text; expected true or false",
        ),
        Row(
            "rules:\n  - {name: r, action: block, fail: close}",
            'p.yaml:5:36: rules[0].fail: "close" is unknown; did you mean "closed"?',
        ),
        Row(
            "rules:\n  - {name: r, action: tag, status: 403}",
            "p.yaml:5:36: rules[0].status: is for block and fallback, and the action is tag",
        ),
        Row(
            "rules:\n  - {name: r, action: block, label: x}",
            "p.yaml:5:37: rules[0].label: is for tag, and the action is block",
        ),
        Row(
            "rules:\n  - {name: r, action: block, status: 200}",
            "p.yaml:5:38: rules[0].status: 200 says that all is well; expected 400 to 599",
        ),
        Row(
            "rules:\n  - {name: r, action: block, status: '403'}",
            "p.yaml:5:38: rules[0].status: is text; expected a status from 200 to 599",
        ),
        Row(
            "rules:\n  - {name: r, action: block, status: 403.5}",
            "p.yaml:5:38: rules[0].status: is a number; expected a status from 200 to 599",
        ),
        Row(
            "rules:\n  - {name: r, action: block, body: {a: 1}}",
            "p.yaml:5:36: rules[0].body: is a mapping; expected the text of a body",
        ),
        Row(
            "rules:\n  - {name: r, action: block, body: a, detail: b}",
            "p.yaml:5:47: rules[0].detail: is part of the answer that `body` takes the place of",
        ),
        Row(
            "rules:\n  - {name: r, action: block, content-type: text/plain}",
            "p.yaml:5:44: rules[0].content-type: is the type of `body`, which is missing",
        ),
        Row(
            "rules:\n  - {name: r, action: tag, expose: public}",
            'p.yaml:5:36: rules[0].expose: "public" is unknown; expected one of caller, model, both, none',
        ),
        Row(
            "rules:\n  - {name: r, action: tag, label: no spaces}",
            'p.yaml:5:35: rules[0].label: "no spaces" is no name; use up to 64 letters, digits, "-", "_" and "."',
        ),
        Row(
            "rules:\n  - {name: r, name: s, action: tag}",
            'p.yaml:5:15: rules[0].name: a second "name"; the first is in line 5',
        ),
        Row(
            "rules:\n  - {name: r, action: block, status: 204}",
            "p.yaml:5:38: rules[0].status: 204 says that all is well; expected 400 to 599",
        ),
        Row(
            "rules:\n  - {name: r, action: throttle}",
            "p.yaml:5:5: rules[0]: throttle needs `rate`; such as `rate: 100/min`",
        ),
        Row(
            "rules:\n  - {name: r, action: throttle, rate: 10}",
            "p.yaml:5:39: rules[0].rate: is a number; expected calls for a stretch of time, such as 10/s, 100/min or 1000/h; put quotes around it",
        ),
        Row(
            "rules:\n  - {name: r, action: throttle, rate: 10/day}",
            'p.yaml:5:39: rules[0].rate: "10/day" is no rate; expected calls for a stretch of time, such as 10/s, 100/min or 1000/h',
        ),
        Row(
            "rules:\n  - {name: r, action: throttle, rate: 0/s}",
            'p.yaml:5:39: rules[0].rate: "0/s" is no rate; expected calls for a stretch of time, such as 10/s, 100/min or 1000/h',
        ),
        Row(
            "rules:\n  - {name: r, action: throttle, rate: 10/s, burst: 0}",
            "p.yaml:5:52: rules[0].burst: 0 is out of range; expected a whole number from 1 to 1000000",
        ),
        Row(
            "rules:\n  - {name: r, action: throttle, rate: 10/s, by: verdict}",
            'p.yaml:5:49: rules[0].by: "verdict" is known only once the request has been looked at',
        ),
        Row(
            "rules:\n  - {name: r, action: throttle, rate: 10/s, by: rows}",
            "p.yaml:5:49: rules[0].by: is an int; expected a string",
        ),
        Row(
            "rules:\n  - {name: r, action: throttle, rate: 10/s, by: 'client + reason'}",
            'p.yaml:5:59: rules[0].by: "reason" is known only once the request has been looked at',
        ),
        Row(
            "rules:\n  - {name: r, action: fallback}",
            "p.yaml:5:5: rules[0]: fallback needs either `to`, another model, or `body`, an answer",
        ),
        Row(
            "rules:\n  - {name: r, action: fallback, to: 'http://m:1', body: a}",
            "p.yaml:5:5: rules[0]: fallback needs either `to`, another model, or `body`, an answer",
        ),
        Row(
            "rules:\n  - {name: r, action: fallback, to: m:8080}",
            'p.yaml:5:37: rules[0].to: "m:8080" is not a URL of these forms; expected http://host:port, https://host:port or unix:/path/to.sock',
        ),
        Row(
            "rules:\n  - {name: r, action: fallback, to: 'http://m:8080/v2'}",
            'p.yaml:5:37: rules[0].to: "http://m:8080/v2" has a path, but the caller\'s own path is what gets passed on; expected http://host:port, https://host:port or unix:/path/to.sock',
        ),
        Row(
            "rules:\n  - {name: r, action: fallback, to: 'http://m:1', status: 200}",
            "p.yaml:5:59: rules[0].status: is of the answer in `body`, which is missing",
        ),
        Row(
            "rules:\n  - {name: r, action: sample}",
            "p.yaml:5:5: rules[0]: sample needs `share`; such as `share: 0.1`",
        ),
        Row(
            "rules:\n  - {name: r, action: sample, share: 0}",
            "p.yaml:5:38: rules[0].share: 0 is out of range; expected a number above 0 and up to 1",
        ),
        Row(
            "rules:\n  - {name: r, action: sample, share: 10%}",
            "p.yaml:5:38: rules[0].share: is text; expected a number above 0 and up to 1",
        ),
        Row(
            "rules:\n  - {name: r, action: mask, secrets: 'email,phone'}",
            'p.yaml:5:38: rules[0].secrets: names "phone"; there are email, card, iban, token, aws, pem',
        ),
        Row(
            "rules:\n  - {name: r, action: mask, secrets: [email]}",
            'p.yaml:5:38: rules[0].secrets: is a list; expected kinds of secrets, such as "email,card"',
        ),
        Row(
            "rules:\n  - {name: r, action: quarantine, share: 0.5}",
            "p.yaml:5:42: rules[0].share: is for sample and shadow, and the action is quarantine",
        ),
        Row(
            "rules:\n  - {name: r, action: shadow, share: 0.1}",
            "p.yaml:5:5: rules[0]: shadow needs `to`; such as `to: http://127.0.0.1:8081`",
        ),
        Row(
            "rules:\n  - {name: r, action: shadow, to: 'http://m:1', tolerance: 5%}",
            "p.yaml:5:60: rules[0].tolerance: is text; expected a number from 0 to 1",
        ),
    ],
    "Conditions": [
        Row(
            "rules:\n  - name: r\n    when: scor > 0.5\n    action: tag",
            'p.yaml:6:11: rules[0].when: unknown fact "scor"; did you mean "score"?',
        ),
        Row(
            "rules:\n  - name: r\n    when: score > 1\n    action: tag",
            'p.yaml:6:17: rules[0].when: ">" does not take double and int; write a whole number with a point, such as 1.0, or double(...)',
        ),
        Row(
            "rules:\n  - name: r\n    when: rows > 1.5\n    action: tag",
            'p.yaml:6:16: rules[0].when: ">" does not take int and double; write a whole number with a point, such as 1.0, or double(...)',
        ),
        Row(
            'rules:\n  - name: r\n    when: score > "0.5"\n    action: tag',
            'p.yaml:6:17: rules[0].when: ">" does not take double and string',
        ),
        Row(
            "rules:\n  - name: r\n    when: score\n    action: tag",
            "p.yaml:6:11: rules[0].when: is a double; expected a bool",
        ),
        Row(
            "rules:\n  - name: r\n    when: score >\n    action: tag",
            "p.yaml:6:18: rules[0].when: ends too early; something is missing",
        ),
        Row(
            "rules:\n  - name: r\n    when: (score > 0.5\n    action: tag",
            "p.yaml:6:23: rules[0].when: ends too early; something is missing",
        ),
        Row(
            "rules:\n  - name: r\n    when: score > 0.5 verdict\n    action: tag",
            "p.yaml:6:23: rules[0].when: cannot be read from verdict on",
        ),
        Row(
            "rules:\n  - name: r\n    when: score = 0.5\n    action: tag",
            'p.yaml:6:17: rules[0].when: cannot be read from = on; write "=="',
        ),
        Row(
            'rules:\n  - name: r\n    when: verdict == "outlier" and p < 0.1\n    action: tag',
            'p.yaml:6:32: rules[0].when: cannot be read from and on; write "&&"',
        ),
        Row(
            'rules:\n  - name: r\n    when: "verdict == \\"outlier\\" && pp < 0.1"\n    action: tag',
            'p.yaml:6:38: rules[0].when: unknown fact "pp"; did you mean "p"?',
        ),
        Row(
            'rules:\n  - name: r\n    when: drift == "stable"\n    action: tag',
            'p.yaml:6:11: rules[0].when: unknown fact "drift"; did you mean "drift.state"?',
        ),
        Row(
            'rules:\n  - name: r\n    when: drift.stat == "skew"\n    action: tag',
            'p.yaml:6:11: rules[0].when: unknown fact "drift.stat"; did you mean "drift.state"?',
        ),
        Row(
            "rules:\n  - name: r\n    when: features.s5 > 3\n    action: tag",
            'p.yaml:6:23: rules[0].when: ">" does not take double and int; write a whole number with a point, such as 1.0, or double(...)',
        ),
        Row(
            'rules:\n  - name: r\n    when: feature["s5"] > 3.0\n    action: tag',
            'p.yaml:6:11: rules[0].when: unknown fact "feature"; did you mean "features"?',
        ),
        Row(
            'rules:\n  - name: r\n    when: detectors["ecod"].pvalue < 0.1\n    action: tag',
            'p.yaml:6:28: rules[0].when: a detector has no "pvalue", it has raw and p',
        ),
        Row(
            "rules:\n  - name: r\n    when: ecod.p < 0.1\n    action: tag",
            'p.yaml:6:11: rules[0].when: unknown fact "ecod.p"; did you mean detectors["ecod"].p?',
        ),
        Row(
            'rules:\n  - name: r\n    when: client.startWith("10.")\n    action: tag',
            'p.yaml:6:18: rules[0].when: unknown function "startWith"; did you mean "startsWith"?',
        ),
        Row(
            'rules:\n  - name: r\n    when: client.matches("^10")\n    action: tag',
            "p.yaml:6:25: rules[0].when: a regular expression over what callers send may stall every call; use contains, startsWith or endsWith, or a pattern under `match`",
        ),
        Row(
            "rules:\n  - name: r\n    when: now() > 3\n    action: tag",
            'p.yaml:6:11: rules[0].when: unknown function "now"; there are {FUNCTIONS}',
        ),
        Row(
            "rules:\n  - name: r\n    when: rate(client) > 5.0\n    action: tag",
            'p.yaml:6:11: rules[0].when: "rate" takes a text and a window, such as rate(client, duration("60s"))',
        ),
        Row(
            'rules:\n  - name: r\n    when: rate(client, "60s") > 5.0\n    action: tag',
            'p.yaml:6:15: rules[0].when: "rate" takes a text and a window, such as rate(client, duration("60s"))',
        ),
        Row(
            'rules:\n  - name: r\n    when: rate(client, duration("1d")) > 5.0\n    action: tag',
            'p.yaml:6:33: rules[0].when: "1d" is no duration; write one such as "60s"',
        ),
        Row(
            'rules:\n  - name: r\n    when: rate(client, duration("10ms")) > 5.0\n    action: tag',
            "p.yaml:6:32: rules[0].when: the window of rate() must be from one second to one hour",
        ),
        Row(
            'rules:\n  - name: r\n    when: rate(verdict, duration("60s")) > 5.0\n    action: tag',
            'p.yaml:6:16: rules[0].when: rate() counts by what the head says, and "verdict" is known later',
        ),
        Row(
            "rules:\n  - name: r\n    when: !score\n    action: tag",
            'p.yaml:6:11: rules[0].when: begins with "!", which is a tag in YAML; put quotes around the expression',
        ),
        Row(
            "rules:\n  - name: r\n    when: score > 0.5 ? true : 1\n    action: tag",
            "p.yaml:6:30: not YAML: a colon and a space inside a value; put quotes around it",
        ),
        Row(
            'rules:\n  - name: r\n    when: headers["x-team"] == 1\n    action: tag',
            'p.yaml:6:29: rules[0].when: "==" does not take string and int',
        ),
        Row(
            'rules:\n  - name: r\n    when: timestamp("2026-01-01T00:00:00Z") < timestamp("2027-01-01T00:00:00Z")\n    action: tag',
            "p.yaml:6:56: rules[0].when: the operation string_to_timestamp cannot be used in a policy",
        ),
        Row(
            "rules:\n  - name: r\n    when: null == null\n    action: tag",
            "p.yaml:6:11: rules[0].when: null, bytes and unsigned numbers cannot be used in a policy",
        ),
        Row(
            'rules:\n  - name: r\n    when: {"a": score}["a"] > 0.5\n    action: tag',
            "p.yaml:6:23: not YAML: more after a closing bracket; put quotes around the value",
        ),
        Row(
            "rules:\n  - name: r\n    when: rows / 0 == 1 || 'x'\n    action: tag",
            'p.yaml:6:25: rules[0].when: "||" does not take bool and string',
        ),
        Row(
            'rules:\n  - name: r\n    when: client in "10.0.0.1"\n    action: tag',
            'p.yaml:6:18: rules[0].when: "in" does not take string and string',
        ),
        Row(
            'rules:\n  - name: r\n    when: chain == "intent"\n    action: tag',
            'p.yaml:6:17: rules[0].when: "==" does not take list(string) and string',
        ),
        Row(
            "rules:\n  - name: r\n    when: verdict == outlier\n    action: tag",
            'p.yaml:6:22: rules[0].when: unknown fact "outlier"; a text stands in quotes',
        ),
        Row(
            "rules:\n  - name: r\n    when: [1, 'a'][0] == 1\n    action: tag",
            "p.yaml:6:19: not YAML: more after a closing bracket; put quotes around the value",
        ),
    ],
}


def documented(text: str) -> str:
    """The page with the table as it is now."""
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{table()}\n{END}{after}"


def table() -> str:
    parts = []
    for group, rows in GROUPS.items():
        parts.append(f"## {group}\n\n| what is wrong | what is said |\n| --- | --- |\n")
        parts += [f"| {_code(row.lines)} | {_code(row.error)} |\n" for row in rows]
        parts.append("\n")
    return "".join(parts)


def _code(text: str) -> str:
    shown = text.replace("|", "&#124;").replace("<", "&lt;")
    return "<br>".join(f"<code>{line.replace('  ', '&nbsp;&nbsp;')}</code>" for line in shown.split("\n"))


if __name__ == "__main__":
    DOCUMENT.write_text(documented(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
