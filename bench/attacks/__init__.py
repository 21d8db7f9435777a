"""Attacks from a library on real digits, all of them through a running sidecar.

    digits.py       the data                          model.py        a model that answers over HTTP
    walkers.py      attacks that ask many questions   blacklight.py   another's way to find them
    sequences.py    the part about them             makers.py       attacks that know the model
    singles.py      the part about those, and about pictures that are only worse

What needs the attacks' library (`adversarial-robustness-toolbox`, with PyTorch) runs in its environment:
`digits`, `model`, `walkers` and `makers` import nothing of sidecar.
"""
