"""Which modules may run as machine code, and whether they do.

Every call passes through these. `setup.py` compiles them with mypyc when it is asked to; what comes out
behaves as the source does, and faster (docs/performance.md has figures).
"""

from __future__ import annotations

HOT = (
    "codecs/encoding.py",
    "codecs/json_text.py",
    "codecs/table.py",
    "codecs/v1.py",
    "codecs/v2.py",
    "codecs/v2_tensor.py",
    "compiled.py",
    "features/columns.py",
    "features/laying.py",
    "proxy/briefs.py",
    "proxy/call.py",
    "proxy/case.py",
    "proxy/egress/listener.py",
    "proxy/egress/outbound.py",
    "proxy/egress/tunnel.py",
    "proxy/grpc/call.py",
    "proxy/grpc/caller.py",
    "proxy/grpc/ends.py",
    "proxy/grpc/fields.py",
    "proxy/grpc/frames.py",
    "proxy/grpc/heads.py",
    "proxy/grpc/model.py",
    "proxy/grpc/outgoing.py",
    "proxy/grpc/windows.py",
    "proxy/judged.py",
    "proxy/judging.py",
    "proxy/keeping.py",
    "proxy/listener.py",
    "proxy/masking.py",
    "proxy/outgoing.py",
    "proxy/overdue.py",
    "proxy/pieces.py",
    "proxy/plane.py",
    "proxy/recall.py",
    "proxy/reply.py",
    "proxy/streamed.py",
    "proxy/telling.py",
    "proxy/told_bodies.py",
    "proxy/upstream.py",
    "scoring/calibration.py",
    "scoring/copod.py",
    "scoring/ecod.py",
    "scoring/tail_sum.py",
    "tracing/b3.py",
    "tracing/chain.py",
    "tracing/consistent.py",
    "tracing/context.py",
    "tracing/ids.py",
    "tracing/jaeger.py",
    "tracing/sampling.py",
    "tracing/slow.py",
    "tracing/w3c.py",
)
"""Files of this package, in the order of their names.

Four rules hold for them; tests/test_compiled.py checks the first three. Who inherits from a class here
stands here, too. A class body gives a value to one name at a time. There is no `await` inside an `except`,
because mypyc lets whatever runs meanwhile see the exception. And an attribute that holds such a class takes
no stand-in of another one, which is why `scoring/baseline.py` is missing: a baseline may be anything that
scores. (`raise ... from` forgets the cause and keeps the context, which is why `codecs/codec.py` is.)"""

COMPILED = not __file__.endswith((".py", ".pyc"))
"""Whether this process runs them as machine code."""
