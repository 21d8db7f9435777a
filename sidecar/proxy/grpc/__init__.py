"""gRPC: calls that come over HTTP/2, passed on frame by frame.

Each caller's connection has one of its own to the model, with the same stream numbers. Whatever the two
agree on (settings, windows, pings, the end) they agree on with each other: those frames pass as they are.
Three things are looked into: fields, because facts and trace context are added to them; data, because it is
scored; and windows, while a policy keeps a call from the model until it has its score.

    frames      bytes <-> frames
    fields      header blocks <-> fields (HPACK)
    heads       fields -> what they mean, and which of them pass
    windows     how much data the model takes, and what was lent to the caller
    beforehand  whether a stream may begin with its first message
    status      failures and policies' answers as gRPC says them
    call        one call, from its head to its record
    ends        one end of a connection: what callers and models have in common
    caller, model     the two ends
    door        what all connections of a worker share

Source: RFC 9113 (HTTP/2), RFC 7541 (HPACK), and "gRPC over HTTP2" of the gRPC project. Counterpart: the other
modules of `sidecar.proxy`, which do the same for HTTP/1.
"""
