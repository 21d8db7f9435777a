"""Small chains as sidecars would tell of them: every model doubles and bends, one of them may change."""

from __future__ import annotations

import numpy as np

from sidecar.cascade import Pairs, Row, Witness

CALLS, CHANGED = 400, 300
"""Calls in all, and the first one after the change."""


def model(asked, random, shift=0.0):
    return np.column_stack(
        (np.sin(asked[:, 0]) + 0.3 * asked[:, 1] + shift, asked[:, 1] - 0.5 * asked[:, 0] ** 2)
    ) + 0.1 * random.normal(size=(len(asked), 2))


def chain(count=3, broken=None, drift=False, seed=0):
    """(asked, answered) of each model, in order of time."""
    random = np.random.default_rng(seed)
    asked = random.normal(size=(CALLS, 2))
    if drift:
        asked[CHANGED:] += (1.0, -0.5)
    stages = []
    for i in range(count):
        answered = model(asked, random)
        if i == broken:
            answered[CHANGED:] = model(asked[CHANGED:], random, shift=1.0)
        stages.append((asked, answered))
        asked = answered
    return stages


def pairs(asked, answered, name="m", later=0.0, lasts=0.01, trace="{}"):
    """A model's pairs, a call each second; `later`: when in it, `lasts`: how long, in seconds."""
    rows = tuple(
        Row(f"call-{t}", trace.format(t), 0, t + later, t + later + lasts, "1", tuple(ours), tuple(theirs))
        for t, (ours, theirs) in enumerate(zip(asked.tolist(), answered.tolist(), strict=True))
    )
    return Pairs(
        name,
        "/infer",
        tuple(f"x{i}" for i in range(asked.shape[1])),
        tuple(f"y{i}" for i in range(answered.shape[1])),
        rows,
    )


def witnesses(stages, names=("speech", "intent", "action")):
    """What the sidecars of a chain that its caller drives would tell."""
    return [
        Witness(
            name,
            (pairs(*stage, name, later=i / 10, trace=name + "-{}"),),
            ((names[i - 1], name),) if i else (),
        )
        for i, (name, stage) in enumerate(zip(names, stages, strict=False))
    ]
