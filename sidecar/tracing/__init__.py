"""Traces: which call belongs to which, told to the model and to a trace viewer.

    headers -> context -> SpanIds          in the data plane, while the caller waits: stdlib only
    Record -> keep -> attributes -> pipeline    in the observer, afterwards: opentelemetry-sdk

`context` joins the caller's trace and writes the headers for the model; its dialects are `w3c`, `b3` and
`jaeger`, its ids come from `ids`, the head's decision from `sampling`. `spans` is the observer's side. Both
ask `slow` which calls were.
Nothing is imported here, so that the data plane never loads the SDK.
"""
