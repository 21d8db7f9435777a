"""Captures: calls kept as evidence, in Parquet files that any engine reads, or sent on as CloudEvents.

A process of its own writes, because a disk may hang and a sink may be slow. The observer gives it records and
never waits for it; what cannot be taken is dropped and counted in one place. It is small, because it only
writes journals: pyarrow, which is large, lives in a process that ends when it has made a file of one.

    columns    the schema: one table, shared by the writer, the readers and the documentation
    parcels    what the observer and a writer say to each other
    sink       the observer's end: a bounded queue, and a writer that is started again when it dies
    journal    records on disk as they came, until they are a file; what a crash leaves behind
    arrays     records as Arrow columns
    finishing  has Parquet files made, each by a process of its own
    files      that process: a journal becomes a file, all or nothing
    places     directories and URLs: put, list, delete
    uploads    finished files on their way to a URL, and old ones out of the way
    store      what is kept: journals, files, and when one becomes the other
    writer     the process that keeps files
    events     a record as the two CloudEvents of KServe's logger
    sender     the process that sends events
    reading    captures read again, by whoever needs the evidence
    query      SQL over captures
"""
