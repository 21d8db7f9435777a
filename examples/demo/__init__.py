"""The demo: a model goes into flight with a sidecar before it.

    stage      starts what a deployment has: model server, baseline, sidecar, collector
    programme  what is played: clean traffic, then outliers among it, then a drifted stream
    tally      what has been seen of it, counted
    findings   what should have been seen, compared with the tally: a pure table
    screen     shows it while it happens

`python -m examples.demo` runs it; `scripts/demo` does so in an environment of its own.
"""
