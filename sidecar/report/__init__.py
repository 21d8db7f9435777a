"""`sidecar report`: asks a running sidecar what happened, and writes one page that needs nothing else.

    command.py   arguments, and the questions to the admin API
    page.py      answers -> HTML                    tables.py   the pieces of it
    plots.py     numbers -> inline SVG

It runs where its user is and speaks HTTP only. Names and values were partly written by callers, so whatever
goes into the page is escaped, and the page forbids its browser to run or load anything.
"""
