"""Signs of an attack, written and read back."""

from sidecar.evidence import read, written
from sidecar.exchange import Evidence

ONE = Evidence("query-sequence", 14, 1_790_000_000.0, 2)
NOISE = Evidence("noise", p=0.0005, by="median-2x2 mean")


def test_what_is_written_is_a_list_of_tokens_with_parameters():
    assert written((ONE,)) == "query-sequence;n=14;since=@1790000000;clients=2"
    assert written((ONE, NOISE)).endswith(', noise;p=0.0005000;by="median-2x2 mean"')
    assert written(()) == ""


def test_what_was_written_is_read_back():
    assert read(written((ONE, Evidence("query-sequence", 3, 5.0, 1)))) == (
        ONE,
        Evidence("query-sequence", 3, 5.0, 1),
    )
    both = (NOISE, ONE, Evidence("inconsistent", p=0.25, by="bits-1"))
    assert read(written(both)) == both
    assert read("") == ()


def test_what_nobody_wrote_is_left_out():
    assert read("noise;p=0.1, query-sequence;n=x") == ()
