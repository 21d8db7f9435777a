"""`sidecar outliers`: asks a running sidecar for its cohorts, shows them, and writes their rows to a file.

    command.py   arguments, and what is said        admin.py   the sidecar's admin API, from outside
    files.py     rows -> parquet, csv, jsonl, npz

It runs where its user is and speaks HTTP only. Counterpart: `sidecar.console.cohort_view`, which answers.
"""
