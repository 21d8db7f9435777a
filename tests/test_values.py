"""Every kind of value: what is accepted, and what is refused with which words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar import settings as kinds
from sidecar.manual import written
from sidecar.values import READERS, HostPort, host_port, read

ACCEPTED = [
    ("RULES", kinds.Redaction, "email,$..phone,column:ssn", "email,$..phone,column:ssn"),
    ("URL", kinds.Url, "http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ("URL", kinds.Url, "https://model.internal:8443", "https://model.internal:8443"),
    ("URL", kinds.Url, "http://[::1]:8080", "http://[::1]:8080"),
    ("URL", kinds.Url, "http://model", "http://model"),
    ("URL", kinds.Url, "http://[::1]", "http://[::1]"),
    ("URL", kinds.Url, "http://model:8080/", "http://model:8080"),
    ("URL", kinds.Url, "unix:/run/model.sock", "unix:/run/model.sock"),
    ("HOST:PORT", kinds.Address, "127.0.0.1:9700", "127.0.0.1:9700"),
    ("[HOST:PORT]", kinds.AddressOrNone, "", ""),
    ("[URL]", kinds.WebUrlOrNone, "", ""),
    ("[SERVER]", kinds.UrlOrNone, "", ""),
    ("[SERVER]", kinds.UrlOrNone, "http://model:8081/", "http://model:8081"),
    (
        "[URL]",
        kinds.WebUrlOrNone,
        "https://chat.test/hooks/s3cret?to=all",
        "https://chat.test/hooks/s3cret?to=all",
    ),
    ("[HOST:PORT]", kinds.AddressOrNone, "[::1]:9701", "[::1]:9701"),
    ("HOST:PORT", kinds.Address, "[::1]:9700", "[::1]:9700"),
    ("HOST:PORT", kinds.Address, "localhost:0", "localhost:0"),
    ("COUNT", kinds.Count, "1", 1),
    ("COUNT", kinds.Count, "4_096", 4096),
    ("BYTES", kinds.Bytes, "65536", 65536),
    ("BYTES", kinds.Bytes, "64KiB", 65536),
    ("BYTES", kinds.Bytes, "16 Mi", 16 * 2**20),
    ("BYTES", kinds.Bytes, "1.5GB", 1_500_000_000),
    ("BYTES", kinds.BytesOrZero, "0", 0),
    ("SECONDS", kinds.Seconds, "2", 2.0),
    ("SECONDS", kinds.Seconds, "700ms", 0.7),
    ("SECONDS", kinds.Seconds, "1.5min", 90.0),
    ("SECONDS", kinds.Seconds, "1h", 3600.0),
    ("SECONDS", kinds.SecondsOrZero, "0", 0.0),
    ("PROBABILITY", kinds.Probability, "1e-3", 0.001),
    ("SHARE", kinds.Share, "1", 1.0),
    ("NAMES", kinds.Names, " host , accept ", "host,accept"),
    ("DETECTORS", kinds.Detectors, " ecod , abod( n_neighbors = 5 ) ", "ecod,abod(n_neighbors=5)"),
    ("NAME", kinds.Name, "auto", "auto"),
    ("DIR", kinds.Directory, "/var/lib/my model", "/var/lib/my model"),
    ("DIR", kinds.Directory, "", ""),
]

REFUSED = [
    ("URL", kinds.Url, "127.0.0.1:8080", "is not a URL of these forms"),
    ("URL", kinds.Url, "ftp://model:21", "is not a URL of these forms"),
    ("URL", kinds.Url, "http://model:8080/v1", "has a path"),
    ("URL", kinds.Url, "http://model:8080?x", "has a path"),
    ("URL", kinds.Url, "http://me:secret@model:8080", "has a user name"),
    ("URL", kinds.Url, "http://model:0", "has port 0"),
    ("URL", kinds.Url, "http://model:", "is not a host, a colon and a port"),
    ("URL", kinds.Url, "http://", "is no name and no address"),
    ("URL", kinds.Url, "http://::1:80", "without brackets"),
    ("URL", kinds.Url, "unix:model.sock", "has no absolute path"),
    ("URL", kinds.Url, "unix:///model.sock", "has no absolute path"),
    ("URL", kinds.Url, "unix:/" + "x" * 107, "over the 107 bytes"),
    ("[URL]", kinds.WebUrlOrNone, "chat.test/hook", "is not a URL of these forms"),
    ("[URL]", kinds.WebUrlOrNone, "http:///hook", "is not a URL of these forms"),
    ("[SERVER]", kinds.UrlOrNone, "model:8081", "is not a URL of these forms"),
    ("[HOST:PORT]", kinds.AddressOrNone, "9700", "is not a host, a colon and a port"),
    ("HOST:PORT", kinds.Address, "9700", "is not a host, a colon and a port"),
    ("HOST:PORT", kinds.Address, ":9700", "is not a host, a colon and a port"),
    ("HOST:PORT", kinds.Address, "127.0.0.1:http", "is not a host, a colon and a port"),
    ("HOST:PORT", kinds.Address, "127.0.0.1:65536", "has a port over 65535"),
    ("HOST:PORT", kinds.Address, "::1:9700", "without brackets"),
    ("HOST:PORT", kinds.Address, "[::g]:9700", "no IPv6 address"),
    ("HOST:PORT", kinds.Address, "a b:9700", "is no name and no address"),
    ("COUNT", kinds.Count, "0", "is out of range"),
    ("COUNT", kinds.Count, "-1", "is out of range"),
    ("COUNT", kinds.Count, "2.0", "is not a whole number"),
    ("COUNT", kinds.Count, "", "is not a whole number"),
    ("BYTES", kinds.Bytes, "0", "is out of range"),
    ("BYTES", kinds.BytesOrZero, "-1", "is out of range"),
    ("BYTES", kinds.Bytes, "16M", 'has "M" for a unit of size; there are B, kB'),
    ("BYTES", kinds.Bytes, "0.3kB x", "unit of size"),
    ("BYTES", kinds.Bytes, "0.0001kB", "is not a whole number of bytes"),
    ("BYTES", kinds.Bytes, "1.5", "is not a whole number"),
    ("BYTES", kinds.Bytes, "KiB", "is not a number"),
    ("SECONDS", kinds.Seconds, "0", "is out of range"),
    ("SECONDS", kinds.SecondsOrZero, "-0.1", "is out of range"),
    ("SECONDS", kinds.Seconds, "5m", 'has "m" for a unit of time; there are ms, s, min, h'),
    ("SECONDS", kinds.Seconds, "nan", "is not a number"),
    ("SECONDS", kinds.Seconds, "inf", "is not a number"),
    ("SECONDS", kinds.Seconds, "1e999", "is too large"),
    ("SECONDS", kinds.Seconds, "1.2.3", "is not a number"),
    ("PROBABILITY", kinds.Probability, "0", "is out of range"),
    ("PROBABILITY", kinds.Probability, "1", "is out of range"),
    ("PROBABILITY", kinds.Probability, "1%", "is not a number"),
    ("SHARE", kinds.Share, "1.1", "is out of range"),
    ("NAMES", kinds.Names, "", "is empty"),
    ("NAMES", kinds.Names, "host,", "is not a list of names"),
    ("NAMES", kinds.Names, "host accept", "is not a list of names"),
    ("NAMES", kinds.Names, "host,accept,host", "names host twice"),
    ("DETECTORS", kinds.Detectors, "", "has a name that is empty"),
    ("DETECTORS", kinds.Detectors, "ecod,", "has a name that is empty"),
    ("DETECTORS", kinds.Detectors, "ecod iforest", "has 'ecod iforest', which is no detector"),
    ("DETECTORS", kinds.Detectors, "ecod,iforest,ecod", "names ecod twice"),
    ("RULES", kinds.Redaction, "emial", 'names "emial"; there are email, card'),
    ("RULES", kinds.Redaction, "$.a[", "which cannot be read from '['"),
    ("NAME", kinds.Name, "", "is empty"),
    ("NAME", kinds.Name, "a b", "is not one name"),
    ("FILE", kinds.File, "a\nb", "characters that cannot be seen"),
]


@pytest.mark.parametrize(("unit", "kind", "text", "value"), ACCEPTED)
def test_accepted(unit, kind, text, value):
    got = read(text, unit, kind)
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(("unit", "kind", "text", "reason"), REFUSED)
def test_refused(unit, kind, text, reason):
    with pytest.raises(ValueError) as refusal:
        read(text, unit, kind)
    assert reason in str(refusal.value)


def test_every_kind_is_tried_both_ways():
    tried = {row[0] for row in ACCEPTED}
    assert set(READERS) - tried == {"FILE", "TEXT", ""}, "these three are plain text, as DIR is"


def test_ipv6_host_stands_without_brackets():
    assert host_port("[::1]:9700") == HostPort("::1", 9700)


@given(st.text(max_size=30), st.sampled_from([unit for unit in READERS if unit]))
def test_any_text_is_read_or_refused(text, unit):
    """No reader fails with anything but a refusal, whatever people type."""
    kind = {"COUNT": int, "BYTES": int, "SECONDS": float, "SHARE": float, "PROBABILITY": float}.get(unit, str)
    try:
        value = read(text, unit, kind)
    except ValueError:
        return
    assert isinstance(value, kind)


@given(st.integers(min_value=0, max_value=2**50))
def test_bytes_read_back_as_written(size):
    assert read(written(size, "BYTES"), "BYTES", kinds.BytesOrZero) == size


@given(st.floats(min_value=1e-3, max_value=1e9))
def test_seconds_read_back_as_written(seconds):
    assert read(written(seconds, "SECONDS"), "SECONDS", kinds.Seconds) == pytest.approx(seconds, abs=1e-9)
