"""Scores that mean something: compiled detectors, conformal calibration, and the baseline that holds both.

    matrix row -> raw score of each detector (equal to PyOD's) -> p-value of each -> one combined p-value

Nothing here imports more than numpy. Counterpart: `sidecar.baseline`, which fits detectors with PyOD and
writes what `sidecar.scoring.baseline.load` reads.

    detector.py      what a compiled detector is          detectors.py    the table of all of them
    calibration.py   raw score -> p-value                 combination.py  many detectors -> one statistic
    explain.py       which features made the score        bins.py         reference bins that windows count in
    artifact.py      the directory on disk                baseline.py     everything together, for one schema
    sample.py        a few training rows, for cohorts; and bins of more, for relations
"""
