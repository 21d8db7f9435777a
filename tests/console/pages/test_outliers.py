import msgspec
import pytest

from sidecar.console import cohort_view, exchange_view
from sidecar.console.pages import outliers
from sidecar.observer.observer import Observer
from tests.console.seen import HOSTILE, check
from tests.observer.talk import record
from tests.observer.test_observer import Clock, settings


def drawn(observer, verdict="all"):
    calls = exchange_view.exchanges(observer, 25)
    parts = outliers.parts(cohort_view.cohorts(observer), cohort_view.chart(observer, 500), calls, verdict)
    return check("".join(parts))


def test_every_group_and_the_singles_can_be_had_as_files(grouped):
    links = drawn(grouped).links()
    ids = [*(str(one.id) for one in grouped.cohorts.found.cohorts), "singles"]
    for id_ in ids:
        assert {f"/api/v1/cohorts/{id_}/rows.{form}" for form in ("csv", "parquet")} <= set(links)


@pytest.mark.parametrize(
    ("share", "words"), [(0.0, "No training row is such"), (0.008, "0.80% are such, too"), (None, "")]
)
def test_a_group_says_whether_training_rows_are_such_too(grouped, share, words):
    first = grouped.cohorts.found.cohorts[0]
    first = msgspec.structs.replace(
        first, group=msgspec.structs.replace(first.group, together_training=share)
    )
    grouped.cohorts.found = msgspec.structs.replace(grouped.cohorts.found, cohorts=(first,))
    seen = drawn(grouped).words
    assert words in seen
    assert ("is such" in seen or "are such" in seen) == bool(words)


def test_without_groups_it_says_why():
    seen = drawn(Observer(settings(), Clock()))
    assert "No groups yet" in seen.words
    assert "No map yet" in seen.words
    assert "None is kept" in seen.words


def test_a_call_leads_to_its_page_whatever_it_is_called():
    assert outliers.call(HOSTILE).startswith('<a href="/exchanges/%22%3E%3Cscript')
    unscored = exchange_view.brief(record(1, verdict="unscored", reason="too-large"))
    assert "unscored: too-large" in outliers.verdict_of(unscored)
