"""Things to run: a real model on real data, its server, and the demo with a sidecar before it.

    flight      the data: one flight, cut where a model was shipped
    server      the model behind the Open Inference Protocol (V2)
    processes   children that are started, awaited and surely ended
    collector   receives the traces
    demo        all of it together: `python -m examples.demo`

The tests under `tests/stories` use the same modules.
"""
