"""Drift alarms on real data: how often they are false, how late they come, and whether they are called right.

    data -> flows -> `ours`, `rules` in common use, the `peers` that have them -> stationary
    data -> replay -> delays, cost
    data -> a model -> the observer's own traffic -> episodes
    data -> a model and its labels -> truths, concept, estimates

All of it goes through the observer's own code, with its default rules.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the observer is told
# Threads of boosted trees wait for each other in loops: for minutes, on a machine that does other things too.
os.environ.setdefault("OMP_NUM_THREADS", "1")
