"""How well detectors tell outliers apart, each alone and several combined, under one protocol.

protocol.py    a set dealt out, and what an AUROC is     singles.py   each detector of PyOD
ensembles.py   several detectors, combined               kept.py      figures so far, in a file
tables.py      figures -> tables, for people and for the page
"""
