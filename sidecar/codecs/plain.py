"""JSON of no protocol: what a small web framework serves, one route, one object or list.

{"age": 41, "plan": {"name": "basic"}}      one row, columns `age` and `plan.name`
[{...}, {...}]                              a row for each object
[[1, 2], [3, 4]]                            a row for each list
[1, 2, 3]                                   one row
0.73                                        one row of one value, as some models answer
"""

from __future__ import annotations

from sidecar.codecs import table
from sidecar.codecs.codec import is_json, media_type
from sidecar.codecs.json_text import parse
from sidecar.exchange import Headers, Tensor

NAME = "data"
"""What nameless values are called."""


def matches(headers: Headers) -> bool:
    return is_json(media_type(headers))


def read(headers: Headers, body: bytes) -> tuple[Tensor, ...]:
    """Raises Undecodable `not-json`, `no-rows`, `ragged-rows`, `not-a-table:...` and what `table` raises."""
    value = parse(body)
    if type(value) is dict:
        return table.records(NAME, [value])
    if type(value) is not list:
        return table.grid(NAME, [[value]])
    if value and type(value[0]) not in (list, dict):
        return table.grid(NAME, [value])
    return table.rows(NAME, value)
