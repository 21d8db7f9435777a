"""Training data -> baseline directory: the only place that imports PyOD, scikit-learn and pyarrow.

    file -> Table -> Schema -> Features -> split -> PyOD models -> compiled, compared, calibrated -> directory

It runs in a process of its own (`sidecar fit`, also when the observer has learned enough) and ends with it,
so that nobody who serves traffic pays for those imports. Counterpart: `sidecar.scoring`, which uses it.

    tables/       reads csv, jsonl, npz, parquet      schema.py      what kind of field each column is
    split.py      which rows are for what             fitting.py     the table of PyOD detectors
    agreement.py  compiled against PyOD               reference.py   bins for windows
    fit.py        the whole story                     command.py     its command line
    cohorts/      groups of flagged rows, in another short-lived process
"""
