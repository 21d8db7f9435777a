"""Flagged rows -> groups of rows that are alike, each with what sets it apart.

It runs in a process of its own, `python -m sidecar.baseline.cohorts QUESTION ANSWER`, which the
observer starts at low priority and which ends with the answer. Counterpart: `sidecar.observer.grouping`.

    finding.py    the story: question in, answer out       drawing.py   rows -> coordinates, and the map
    grouping.py   coordinates -> groups (HDBSCAN)           traits.py    what sets a group apart, in words
"""
