"""Labels out of the body of a POST, by its type. Counterparts: `sidecar.labels.reading` and `parquet`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec

from sidecar.console.errand import errand
from sidecar.console.problem import Problem
from sidecar.errors import DataError
from sidecar.labels import reading
from sidecar.labels.parquet import Answer
from sidecar.labels.reading import Names, Read

TYPES = {
    "application/json": "json",
    "application/x-ndjson": "jsonl",
    "application/jsonl": "jsonl",
    "text/csv": "csv",
    "application/vnd.apache.parquet": "parquet",
    "application/x-parquet": "parquet",
}
"""Media type -> format. None of them can be sent by a form."""

PARQUET_SECONDS = 60.0
"""Seconds that reading a Parquet file may take."""


def names(query: Mapping[str, str]) -> Names:
    """What the columns are called: `?id=request_id&label=target`."""
    return Names(*(query.get(name, name) for name in Names._fields))


async def labels(content_type: str, body: bytes, names: Names) -> Read:
    """The labels in a body. Raises Problem, naming the place that's wrong."""
    form = TYPES[content_type]
    try:
        if form == "parquet":
            return await _parquet(body, names)
        return await asyncio.to_thread(reading.read, form, body, names)
    except DataError as error:
        raise Problem(400, "Labels that cannot be read", str(error)) from error


async def _parquet(body: bytes, names: Names) -> Read:
    try:
        done = await errand("sidecar.labels.parquet", *names, content=body, seconds=PARQUET_SECONDS)
    except TimeoutError:
        raise DataError(f"reading it took longer than {PARQUET_SECONDS:g} s") from None
    if done.status:
        raise DataError("the process that read it ended before it was done; is it Parquet?")
    answer = msgspec.msgpack.decode(done.written, type=Answer)
    if answer.failure:
        raise DataError(answer.failure)
    return Read(list(answer.labels), answer.empty)
