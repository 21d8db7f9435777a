"""The data plane: takes a call, forwards it, scores it meanwhile, answers, and tells the observer.

In the order a call meets them:

    listener.py     bytes from the caller become a head and body pieces; pipelining, limits, half-close
    recall.py       heads seen before need no parsing
    heads.py        what a head means: framing, hop-by-hop fields, who may speak which field (pure)
    case.py         a call as the judge, the policies and the teller see it
    call.py         one exchange from its head to its record: the only place where both sides meet
    beforehand.py   what may come before the model is called: a score, a policy's answer
    deciding.py     the policies are asked, and done as they say
    outgoing.py     the heads as they go out, to the model and to the caller (pure)
    pieces.py       pieces of a body on their way
    upstream.py     connections to the model: pool, connect, bytes become a response
    judging.py      calls that arrived in one turn of the loop are decoded and scored together
    together.py     calls whose score waits for PyOD's worker
    judged.py       what became of one request in scoring
    streamed.py     an answer that comes event by event
    masking.py      an answer in which a policy wants secrets masked
    reply.py        what the caller is told: anomaly fields, and every failure as one response (pure)
    overdue.py      which call has waited too long (pure)
    keeping.py      what of a call may leave the data plane
    told_bodies.py  which bodies go to the observer
    briefs.py       which calls are told in numbers only
    telling.py      records in batches to the observer; bounded, drop and count

Beside a call, and never in its way:

    questions.py    the sidecar's own questions to a model
    shadowing.py    another model is asked the same; resting.py leaves it alone when it does not answer
    squeezing.py    the model is asked again about squeezed pictures

What all of them stand on:

    plane.py        what all calls of one worker share, and its limits
    sweep.py        one clock for all time-outs
    address.py, connecting.py, tls.py    where a model is, and the way there; others.py: that of other models
    grpc/           calls over HTTP/2, which share everything from judging.py on
    egress/         the model's own calls
    worker.py       the process: sockets, signals, drain

No task and no future is made per call: parser callbacks drive everything, and what arrives in
one read leaves in one write.
"""
