"""Windows: whatever is lent, spent and repaid, the caller may never send what the model does not take."""

from hypothesis import given
from hypothesis import strategies as st

from sidecar.proxy.grpc.windows import Window

STEPS = st.lists(
    st.tuples(st.sampled_from(["send", "pass", "update", "drop"]), st.integers(1, 5000)), max_size=60
)


@given(STEPS)
def test_what_the_caller_may_send_is_what_the_model_takes_and_what_was_lent(steps):
    window = Window(10_000)
    callers, kept_back = 10_000, 0  # what the caller believes, and what waits here
    for step, size in steps:
        if step == "send":  # and it is kept back, so as much is lent
            size = min(size, callers)
            kept_back += size
            window.lend(size)
            callers += size - size
        elif step == "pass":
            size = min(size, kept_back, window.room)
            kept_back -= size
            window.room -= size
        elif step == "update":
            callers += window.more(size)
        else:
            size = min(size, kept_back)
            kept_back -= size
            callers += window.forgive(size)
        assert callers + kept_back == window.room + window.lent
        assert window.lent >= 0
        assert window.room >= 0


def test_the_models_updates_repay_what_was_lent_first():
    window = Window(100)
    window.lend(30)
    assert window.more(20) == 0
    assert window.more(20) == 10
    assert (window.room, window.lent) == (140, 0)
