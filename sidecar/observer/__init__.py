"""The second process: hears of every call after it was answered, remembers, compares, explains.

The story of a batch of records, in the order of the files:

    hearing     the socket: bytes -> Batch, and orders back to the data planes
    observer    the whole state: a Batch goes in, orders and snapshots come out; no I/O
    workers     what each data plane process last said of itself
    exchanges   the latest calls, as they were
    windows     per model, version and route: rolling summaries of inputs, outputs and calls
    drift       each feature's sequential test against the reference, each output's against its first window
    relations   the test of how features hang together, by a `classifier` learned from earlier rows
    versions    which version of the model answered, where the call did not say
    verdict     skew, feature drift or prediction drift: a table of facts
    alerts      who should be told of what now; `webhook` tells
    history     verdicts as they changed, closed windows, courses
    learning    rows for a first baseline, where none was given; `fitting` runs the process that fits
    cohorts     flagged rows in groups that keep their number; `reservoir` keeps the rows, fairly over time,
                `grouping` runs the process that groups them
    snapshot    all of it on disk, so that a crash costs seconds and not the window

Nobody waits for this process. When it cannot keep up it stops reading, the data planes' queues fill, and
they drop and count: see `sidecar.observer.hearing`.
"""
