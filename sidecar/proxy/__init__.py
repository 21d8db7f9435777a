"""The data plane: takes a call, forwards it, scores it meanwhile, answers, and tells the observer.

In the order a call meets them:

    listener.py   bytes from the caller become a head and body pieces; pipelining, limits, half-close
    heads.py      what a head means: framing, hop-by-hop fields, who may speak which field (pure)
    judged.py     what became of a request in scoring
    case.py       a call as the judge, the policies and the teller see it
    call.py       one exchange from its head to its record: the only place where both sides meet
    outgoing.py   the heads as they go out, to the model and to the caller (pure)
    pieces.py     pieces of a body on their way
    recall.py     heads seen before need no parsing
    overdue.py    which call has waited too long (pure)
    upstream.py   connections to the model: pool, connect, bytes become a response
    judging.py    calls that arrived in one turn of the loop are decoded and scored together
    reply.py      what the caller is told: anomaly fields, and every failure as one response (pure)
    telling.py    records in batches to the observer; bounded, drop and count
    sweep.py      one clock for all time-outs
    plane.py      what all calls of one worker share, and its limits
    grpc/         calls over HTTP/2, which share everything from judging.py on
    egress/       the model's own calls
    worker.py     the process: sockets, signals, drain

No task and no future is made per call: parser callbacks drive everything, and what arrives in
one read leaves in one write.
"""
