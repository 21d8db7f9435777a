"""Two calls of a conversation with a tool between them: joined once, bounded, forgotten in time."""

import json

from sidecar.codecs.tool_calls import digest
from sidecar.exchange import SpanIds
from sidecar.observer.tools import JOINED, MOST, NAMES, OTHER, SECONDS, Tools
from tests.codecs.test_tool_calls import USER, answer, call, result, said
from tests.observer.talk import record


class Told:
    """Tools, and what they told of."""

    def __init__(self):
        self.now = 1000.0
        self.asked = []
        self.returned = []
        self.tools = Tools(
            lambda record, tool: self.asked.append((record.id, tool)),
            lambda record, asking: self.returned.append((record.id, asking.tool, asking.odd)),
            lambda: self.now,
        )

    def ask(self, number, *calls, **changes):
        changes = {"span": SpanIds("1" * 32, f"{number:016x}", f"{number + 1:016x}"), **changes}
        body = answer(*calls) if calls else b"{}"
        made = record(number, codec="openai", response_body=body, **changes)
        self.tools.update([made])
        return made


def test_the_question_that_brings_a_result_is_joined_to_the_answer_that_asked_for_it():
    told = Told()
    first = told.ask(1, call("c1"), call("c2", "clock"), flagged=(0,))
    second = told.ask(2, call("c3"), brought=(digest("c2"), digest("c1")))
    third = told.ask(3, brought=(digest("c3"),))
    assert told.asked == [("call-1", "weather"), ("call-1", "clock"), ("call-2", "weather")]
    assert told.returned == [
        ("call-2", "clock", True),
        ("call-2", "weather", True),
        ("call-3", "weather", False),
    ]
    assert [one.span for one in told.tools.origins(second)] == [first.span.client] * 2
    assert [one.span for one in told.tools.origins(third)] == [second.span.client]
    assert told.tools.origins(first) == ()
    assert told.tools.waiting == 0


def test_a_result_counts_once_and_one_of_nobody_is_counted_apart():
    told = Told()
    told.ask(1, call("c1"))
    for number in (2, 3):
        told.ask(number, brought=(digest("c1"), digest("never")))
    assert len(told.returned) == 1
    assert told.tools.unknown == 3


def test_while_a_baseline_is_learned_the_question_itself_is_read():
    told = Told()
    told.ask(1, call("c1"), verdict="learning")
    body = json.dumps({"messages": [USER, said("c1"), result("c1")]}).encode()
    told.ask(2, verdict="learning", request_body=body)
    assert told.returned == [("call-2", "weather", False)]


def test_what_is_remembered_is_bounded_and_old_calls_are_forgotten():
    told = Told()
    for number in range(MOST + 50):
        told.ask(number, call(f"c{number}"))
    assert told.tools.waiting == MOST
    told.now += SECONDS + 1
    told.ask(9_999, call("new"))
    assert told.tools.waiting == 1
    for number in range(JOINED + 10):
        told.ask(number, call(f"d{number}"))
        told.ask(10_000 + number, brought=(digest(f"d{number}"),))
    assert len(told.tools._origins) == JOINED


def test_names_that_a_model_makes_up_do_not_fill_the_memory():
    told = Told()
    for number in range(NAMES + 5):
        told.ask(number, call(f"c{number}", f"tool{number}"))
    assert len({name for _, name in told.asked}) == NAMES + 1
    assert told.asked[-1][1] == OTHER


def test_other_models_have_no_tools():
    told = Told()
    told.tools.update([record(1, codec="v2", response_body=answer(call("c1")))])
    assert told.asked == []
