"""Labels: what turned out to be true of rows that the model has answered.

    label       one truth: request id, row, value
    reading     a JSON, JSON lines or CSV file -> labels, with the line that's wrong
    parquet     the same for Parquet, in a process of its own where nobody else needs pyarrow
    command     `sidecar labels push`: sends a file to a running sidecar

Counterpart: `sidecar.observer.truth`, which joins them to what the model said.
"""
