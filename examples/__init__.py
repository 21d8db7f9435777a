"""Things to run: a real model on real data, its server, and the demo with a sidecar before it.

    flight      the data: one flight, cut where a model was shipped
    server      the model behind the Open Inference Protocol (V2)
    traffic     a caller of the model, and what an answer's headers say
    processes   children that are started, awaited and surely ended
    launch      the commands that start a model server, a fit, a sidecar
    collector   receives the traces
    demo        all of it together: `python -m examples.demo`

The tests under `tests/stories` and the benchmarks use the same modules.
"""
