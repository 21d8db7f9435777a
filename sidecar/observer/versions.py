"""Which version of the model answered, where the call didn't name one. Pure.

    said by the call: its path            /v2/models/iris/versions/3/infer
    else by the answer: its body          "model_version": "3", the metadata of the Open Inference Protocol
    else by the answer: a header          `model-version-header`
    else by a setting                     `model-version`

The first one that says anything is believed. A new name opens new windows; see `sidecar.observer.traffic`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from sidecar.exchange import Record, header

HEAD = 1024
"""Bytes of an answer that are looked at. Servers write the metadata before the tensors."""

_SAID = re.compile(rb'"model_version"\s*:\s*"([^"\\]{1,128})"')


class Versions:
    """Names versions as one sidecar's settings say."""

    def __init__(self, header_name: str, usual: str) -> None:
        self._header = header_name.lower().encode("latin-1", "replace")
        self._usual = usual

    def named(self, records: Sequence[Record]) -> Sequence[Record]:
        """The records, each with the version that answered; the same ones where all are known."""
        found = [record.version or self._version(record) for record in records]
        if all(version == record.version for version, record in zip(found, records, strict=True)):
            return records
        return [
            record if version == record.version else msgspec.structs.replace(record, version=version)
            for version, record in zip(found, records, strict=True)
        ]

    def _version(self, record: Record) -> str:
        if not record.codec:
            return ""  # of no model
        if record.codec == "v2" and (said := _SAID.search(record.response_body, 0, HEAD)):
            return said[1].decode("utf-8", "replace")
        if self._header and (value := header(record.response_headers, self._header)):
            return value.decode("latin-1").strip()
        return self._usual
