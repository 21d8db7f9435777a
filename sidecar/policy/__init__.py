"""Policies: a small file that says what happens to a call, and may be changed while calls go on.

    YAML -> document -> checked -> rules -> (facts) -> Decision

Reading and checking is done apart, in a process that ends (`sidecar.policy.compiling`): it needs a YAML
parser and a CEL library, which the data plane shall not carry. What it hands over are rules as plain data
(`sidecar.policy.rules`, expressions as trees). From these the data plane makes functions
(`sidecar.policy.code`) and asks them (`sidecar.policy.rulebook`).

    apart        documents, places, keys, expressions, reach, checking, compiling
    both         rules, tree, facts
    data plane   code, scope, course, rulebook
"""
