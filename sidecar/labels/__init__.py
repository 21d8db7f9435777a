"""Labels: what turned out to be true of rows that the model has answered.

    label       one truth: request id, row, value
    reading     a JSON, JSON lines or CSV file -> labels, with the line that's wrong
    parquet     the same for Parquet, in a process of its own where nobody else needs pyarrow
    command     `sidecar labels push`: sends a file to a running sidecar
    said        what a person says of which output is the prediction
    prediction  which output it is: a class, a probability, a score, a quantity
    realised    how good predictions were, with intervals

Counterparts: `sidecar.observer.truth`, which joins them to what the model said; `sidecar.baseline.labelled`,
which finds them beside it in a file.
"""
