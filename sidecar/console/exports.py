"""`/api/v1/cohorts/{id}/rows.csv` and `.parquet`: a group's rows as a file to put beside the training data.

The same files that `sidecar outliers export` writes. pyarrow would stay in the observer for good, so Parquet
is written by a process that ends; like the search, it may take its time. Counterpart:
`sidecar.outliers.files`."""

from __future__ import annotations

import asyncio

import msgspec

from sidecar.console.errand import errand
from sidecar.console.problem import Problem
from sidecar.console.views import View
from sidecar.errors import SidecarError
from sidecar.outliers import files
from sidecar.outliers.admin import Rows

TYPES = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
"""Format -> media type."""

PARQUET_SECONDS = 60.0


async def content(found: View, form: str) -> bytes:
    """The file of a cohort as `cohort_view.one_cohort` has it. Raises Problem where it can't be written."""
    if form == "csv":
        return await asyncio.to_thread(_csv, found)
    told = await asyncio.to_thread(msgspec.json.encode, found)
    try:
        done = await errand("sidecar.outliers", form, content=told, seconds=PARQUET_SECONDS)
    except TimeoutError:
        raise Problem(503, "Too slow", f"writing took longer than {PARQUET_SECONDS:g} seconds") from None
    if done.status:
        raise Problem(501, "Not to be had here", done.said or f"{form} could not be written")
    return done.written


def _csv(found: View) -> bytes:
    rows = msgspec.json.decode(msgspec.json.encode(found), type=Rows)
    try:
        return files.content("csv", rows)
    except SidecarError as error:
        raise Problem(501, "Not to be had here", str(error)) from error
