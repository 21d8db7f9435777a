"""`sidecar replay`: captured traffic against another version of the model, and where its answers differ.

    command.py       arguments, and what is said
    sending.py       captured calls -> the candidate, a few at a time
    pairs.py         a call's two answers, the captured one and the candidate's, row by row
    differences.py   rows -> differences by group, with intervals

It runs where its user is. Counterpart: `sidecar.capture`, which kept the calls.
"""
