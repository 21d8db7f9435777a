"""Rulebooks for tests, and two calls to ask them about."""

from sidecar.exchange import Decision
from sidecar.policy.checking import check_text
from sidecar.policy.rulebook import Rulebook
from tests.policy.told import facts


def book(*texts: str, expose: str = "caller", before: Rulebook | None = None) -> Rulebook:
    checked = check_text("---\n".join(texts))
    assert checked.policies is not None, checked.wrong
    return Rulebook(checked.policies, expose, before)


def decided(rulebook: Rulebook, told) -> Decision:
    course = rulebook.course(told)
    assert course.go_on()
    return course.decision()


ODD = facts((1.0, 2.0), row_p=(0.001,), verdict="outlier")
NORMAL = facts((1.0, 2.0))
