import io
import json

import numpy as np
import pytest
from PIL import Image

from sidecar.features.images import ImageReading
from sidecar.observer import learning as module
from sidecar.observer.learning import ANSWER, HEAPS, MOST, Learning
from tests.observer.talk import learning as heard
from tests.observer.talk import record


def rows(lines):
    return [json.loads(line) for line in lines]


def test_rows_become_lines_of_json_by_column():
    state = Learning(2)
    body = json.dumps({"instances": [{"age": 30, "job": "clerk"}, {"age": None, "job": None}]}).encode()
    state.update([record(0, request_body=body, verdict="learning")])
    assert rows(state.due()) == [{"age": 30, "job": "clerk"}, {"age": None, "job": None}]


def test_a_picture_is_kept_small_and_read_alike_later():
    pixels = np.random.default_rng(0).integers(0, 256, (60, 40, 3), dtype=np.uint8)
    packed = io.BytesIO()
    Image.fromarray(pixels).save(packed, "PNG")
    state = Learning(1)
    png = ((b"Content-Type", b"image/png"),)
    state.update([record(0, request_body=packed.getvalue(), codec="image", request_headers=png)])
    (line,) = state.due()
    assert len(line) < 50_000
    kept = np.array(json.loads(line)["image"])
    reading = ImageReading("image", 255.0)
    small, whole = reading.read(kept[None])[0], reading.read(pixels[None])[0]
    assert np.abs(small - whole).max() < 1e-3


def test_fitting_is_due_once_when_there_are_enough_rows():
    state = Learning(5)
    state.update([heard(i, (i, 1)) for i in range(4)])
    assert (state.seen, state.due(), state.phase) == (4, None, "collecting")
    state.update([heard(4, (4, 1))])
    assert len(state.due()) == 5
    assert (state.due(), state.phase) == (None, "fitting")
    state.update([heard(i, (i, 1)) for i in range(100)])
    assert state.seen == 5, "nothing is decoded while a fit runs"
    state.fitted("/run/baseline-1")
    assert (state.phase, state.baseline, state.seen) == ("learned", "/run/baseline-1", 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": 400},
        {"failure": "client-gone"},
        {"codec": ""},
        {"request_body": b""},
        {"request_body": b"{"},
        {"request_body": b'{"instances": []}'},
    ],
)
def test_calls_that_failed_or_cannot_be_read_teach_nothing(changes):
    state = Learning(5)
    state.update([heard(0, (1, 2)), heard(1, (1, 2)) if not changes else record(1, **changes)])
    assert state.seen == 1


def test_numbers_that_nothing_can_be_fitted_on_teach_nothing():
    state = Learning(5)
    bodies = [
        b'{"instances": [[1.0, 1e200]]}',
        b'{"instances": [[1.0, "a"], [-1e300, "b"]]}',
        b'{"instances": [[1.0, 1e100]]}',
    ]
    state.update([record(i, request_body=body) for i, body in enumerate(bodies)])
    assert (state.seen, state.left_out) == (1, 2)


def test_calls_that_cannot_be_read_are_counted():
    state = Learning(5)
    state.update([record(i, request_body=b"{") for i in range(3)])
    assert state.left_out == 3


def test_of_several_models_the_first_with_enough_rows_is_learned():
    state = Learning(5)
    wide = [heard(i, (i, 1, 2)) for i in range(5)]
    narrow = [heard(i, (i,)) for i in range(4)]
    state.update(narrow + wide)
    asked = ({name for name in row if not name.startswith(ANSWER)} for row in rows(state.due()))
    assert set(map(len, asked)) == {3}


def test_sets_of_columns_are_bounded():
    state = Learning(1000)
    state.update([heard(i, range(i + 1)) for i in range(HEAPS + 4)])
    assert state.left_out == 4


def test_a_failure_asks_for_twice_as_many_rows_up_to_a_bound():
    state = Learning(10)
    wanted = []
    for number in range(400):
        state.update([heard(number, (number, 1))])
        if (lines := state.due()) is not None:
            wanted.append(len(lines))
            state.failed("two columns are constant")
    assert wanted == [10, 20, 40, *[10 * MOST] * 5]
    assert (state.phase, state.failure, state.failures) == ("collecting", "two columns are constant", 8)


def test_rows_are_bounded_in_bytes_and_fitted_from_when_there_is_no_room_for_more(monkeypatch):
    monkeypatch.setattr(module, "HEAP_BYTES", 20_000)
    state = Learning(1_000_000)
    sizes = []
    for number in range(2000):
        state.update([heard(number, range(20))])
        if (lines := state.due()) is not None:
            sizes.append(sum(map(len, lines)))
            state.failed("no")
    assert max(sizes) <= 20_000
    assert min(sizes) >= 18_000
    told = 2000 * len(json.dumps({f"instances[{i}]": i for i in range(20)}))
    assert 2 <= len(sizes) <= told / 18_000, "a try needs as many fresh rows as there are"


def test_restored_learning_goes_on_where_it_was():
    state, again = Learning(10), Learning(10)
    state.update([heard(i, (i, 1)) for i in range(9)])
    again.restore(state.keep())
    for one in (state, again):
        one.update([heard(9, (9, 1))])
    assert again.due() == state.due()
    assert again.seen == 10


@pytest.mark.parametrize(("failures", "need"), [(0, 20), (2, 80), (30, 20 * MOST)])
def test_restored_learning_asks_for_as_many_rows_as_are_wanted_now(failures, need):
    state, again = Learning(10), Learning(20)
    for _ in range(failures):
        state.failed("no")
    again.restore(state.keep())
    assert again.need == need


def test_a_fit_that_a_crash_cut_off_is_due_again():
    state, again = Learning(3), Learning(3)
    state.update([heard(i, (i, 1)) for i in range(3)])
    lines = state.due()
    again.restore(state.keep())
    assert again.due() == lines


def test_what_was_learned_and_why_the_last_try_failed_survive():
    state, again, third = Learning(3), Learning(3), Learning(3)
    state.failed("no")
    again.restore(state.keep())
    assert (again.failure, again.failures, again.need) == ("no", 1, 6)
    again.fitted("/run/baseline-2")
    third.restore(again.keep())
    assert (third.phase, third.baseline) == ("learned", "/run/baseline-2")
