import msgspec
import msgspec.inspect
import numpy as np
import pytest

from sidecar.observer.observer import State
from sidecar.observer.snapshot import VERSION, decode, encode, read, write
from tests.observer.test_observer import busy


@pytest.fixture(scope="module")
def content(baseline):
    return encode(busy(baseline).keep())


def test_the_whole_state_comes_back(baseline, content):
    state = busy(baseline).keep()
    found = decode(content, State)
    assert encode(found) == content
    assert found.exchanges == state.exchanges
    assert found.flows[0].inputs.total.counts.dtype == np.int64
    np.testing.assert_array_equal(found.flows[0].inputs.total.counts, state.flows[0].inputs.total.counts)
    found.flows[0].inputs.total.counts[0] += 1  # arrays are not views of the file


def test_every_kept_value_has_a_kind():
    """What is kept as just anything comes back as what it was packed into."""
    waiting, seen, without = [("state", msgspec.inspect.type_info(State))], set(), []
    while waiting:
        where, kind = waiting.pop()
        if isinstance(kind, msgspec.inspect.AnyType):
            without.append(where)
        if (owner := getattr(kind, "cls", None)) is not None:
            if owner in seen:
                continue
            seen.add(owner)
        parts = [one for name in ("fields", "types", "item_types") for one in getattr(kind, name, ())]
        parts += [getattr(kind, name, None) for name in ("item_type", "key_type", "value_type")]
        waiting += [
            (f"{where}.{getattr(one, 'name', '')}", getattr(one, "type", one))
            for one in parts
            if one is not None
        ]
    assert len(seen) > 20
    assert without == []


def test_a_snapshot_cut_anywhere_is_refused(content):
    for end in [*range(0, 120), *range(120, len(content), len(content) // 50)]:
        with pytest.raises(ValueError, match="cut short"):
            decode(content[:end], State)


def test_a_snapshot_changed_anywhere_is_refused(content):
    for at in [*range(0, 60), *range(60, len(content), len(content) // 50)]:
        changed = bytearray(content)
        changed[at] ^= 0x40
        with pytest.raises(ValueError, match=r"snapshot|version|checksum"):
            decode(bytes(changed), State)


def test_a_snapshot_of_another_layout_is_refused():
    class Other(msgspec.Struct):
        name: str

    with pytest.raises(ValueError, match="not as expected"):
        decode(encode(Other("x")), State)


def test_a_snapshot_of_another_version_is_refused(content):
    newer = content.replace(
        b"sidecar-observer" + bytes([VERSION]), b"sidecar-observer" + bytes([VERSION + 1])
    )
    with pytest.raises(ValueError, match=f"version {VERSION + 1}, this sidecar reads version {VERSION}"):
        decode(bytes(newer), State)


def test_what_cannot_be_read_is_ignored_with_a_word_in_the_log(tmp_path, content, caplog):
    path = tmp_path / "observer.snapshot"
    assert read(path, State) is None
    assert caplog.text == ""
    path.write_bytes(content[:-1])
    assert read(path, State) is None
    assert "windows begin empty" in caplog.text
    write(path, content)
    assert encode(read(path, State)) == content


def test_writing_leaves_one_file_and_never_half_of_one(tmp_path, content):
    path = tmp_path / "observer.snapshot"
    write(path, b"old")
    (tmp_path / "observer.new").write_bytes(b"half of one, left by a crash")
    write(path, content)
    assert [file.name for file in tmp_path.iterdir()] == ["observer.snapshot"]
    assert path.read_bytes() == content
