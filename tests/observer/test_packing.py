import tracemalloc

import msgspec

from sidecar.observer.packing import pack


class Kept(msgspec.Struct):
    name: str
    values: bytes


def test_what_is_packed_comes_back_and_takes_no_more_than_its_bytes():
    value = Kept("a", bytes(1000))
    tracemalloc.start()
    try:
        packed = [pack(value) for _ in range(1000)]
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert msgspec.msgpack.decode(packed[0], type=Kept) == value
    assert taken < 1.1 * sum(map(len, packed)) + 10_000
