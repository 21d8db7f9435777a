"""Attacks from a library on real digits, all of them through a running sidecar.

    digits.py       the data                          model.py        a model that answers over HTTP

    sequences.py    attacks that ask many questions   walkers.py      these attacks
    blocked.py      where policies are in their way   blacklight.py   another's way to find them
    clean.py        what the policies cost others     honest.py       others whose questions are alike

    singles.py      attacks that know the model, and pictures that are only worse
    makers.py       these attacks and pictures        carlini.py      one of the attacks

What needs the attacks' library (`adversarial-robustness-toolbox`, with PyTorch) runs in its environment:
`digits`, `model`, `walkers`, `makers` and `carlini` import nothing of sidecar.
"""
