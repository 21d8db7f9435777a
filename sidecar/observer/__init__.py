"""The second process: hears of every call after it was answered, remembers, compares, explains.

The story of a batch of records, in the order of the files:

    hearing     the socket: bytes -> Batch, and orders back to the data planes
    observer    the whole state: a Batch goes in, orders and snapshots come out; no I/O
    workers     what each data plane process last said of itself
    versions    which version of the model answered, where the call did not say
    briefs      calls that were told in numbers only, put together
    exchanges   the latest calls, as they were; `access` writes a line for each
    policy_alerts   rules of policies that want somebody to look
    traffic     windows and tests for every model, version and route (`routes`)

What a window is made of:

    windows     rolling summaries of inputs, outputs and calls, a `summary` for each stretch of time
    calls       latencies, sizes, status and score of every call, as a matrix; `exemplars` leads to traces
    answers     the model's answers as columns, as many as may be read
    outputs     their window, whose `axes` are cut by the first one; of embeddings also their `headings`
    statistics  the field's usual distances, for looking at

What is found in them:

    sequential  the mathematics of drift alarms; `pace` tells sudden from slow
    drift       each feature's test against the reference, each output's against its first window
    relations   the test of how features hang together, by a `classifier` learned from earlier rows
    truth       labels: what turned out to be true, and the test whether that is still as expected
    breaks      columns that don't drift but break
    verdict     skew, feature, prediction or concept drift: a table of facts
    history     verdicts as they changed, closed windows, courses
    alerts      who should be told of what now; `webhook` tells

What is odd, and who asks:

    oddness     how odd each answer is to its question
    callers     who feels the model's way along a boundary, or copies it
    cohorts     flagged rows in groups that keep their number (`numbering`); `reservoir` keeps the rows,
                fairly over time, `newcomers` and `kept_values` say what is in them, `grouping` runs the
                process that groups them

What becomes the next baseline:

    learning    rows for a first baseline, where none was given; `fitting` runs the process that fits
    refit       a baseline for today, from clean rows, if it wins against the one in use; `refitting` runs it

Other models of the chain:

    edges       who feeds whom; `tools` are at the other end of some
    lineage     whose answer is this question, by `digests`
    paired      questions and answers side by side, for `sidecar.cascade`; `packing` keeps them small
    canary      old questions that may be asked again

And all of it on disk, so that a crash costs seconds and not the window: snapshot.

Nobody waits for this process. When it cannot keep up it stops reading, the data planes' queues fill, and
they drop and count: see `sidecar.observer.hearing`.
"""
