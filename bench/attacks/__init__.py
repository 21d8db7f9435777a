"""Attacks from a library on real digits, all of them through a running sidecar.

    digits.py       the data                          model.py        a model that answers over HTTP
    walkers.py      attacks that ask many questions   blacklight.py   another's way to find them
    sequences.py    the part about them             makers.py       attacks that know the model
    blocked.py      where policies stand in their way                carlini.py      one of those
    singles.py      attacks that know the model, and pictures that are only worse

What needs the attacks' library (`adversarial-robustness-toolbox`, with PyTorch) runs in its environment:
`digits`, `model`, `walkers`, `makers` and `carlini` import nothing of sidecar.
"""
