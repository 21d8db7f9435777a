"""`sidecar report`: asks a running sidecar what happened, and writes one page that needs nothing else;
`sidecar top`: the same in short, in a terminal.

    command.py   arguments, and the questions to the admin API; top.py those of `sidecar top`
    page.py      answers -> HTML                    tables.py   the pieces of it
    terminal.py  an answer -> lines                 units.py    measures as people read them
    plots.py     numbers -> inline SVG

The console is made of the same pieces.

It runs where its user is and speaks HTTP only. Names and values were partly written by callers, so whatever
goes into the page is escaped, and the page forbids its browser to run or load anything.
"""
