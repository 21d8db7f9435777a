"""What turned out to be true, beside what the model said.

    ledger        answered rows that wait for their labels, and labels that wait for their rows
    concept       whether the truth is still what was expected of each answer
    estimate      how good predictions probably are where no labels are
    performance   all that's known of one flow's predictions
    truth         every flow's, and the ledger: what the observer keeps

Labels come as `sidecar.labels` reads them; it also says which output is the prediction, and how good it was.
"""
