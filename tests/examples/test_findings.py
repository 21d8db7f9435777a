"""The judge of the demo must be able to say no, to each claim alone."""

import pytest

from examples.demo.findings import Latency, Traces, findings
from examples.demo.tally import Seen

GOOD = {
    "clean": Seen("clean", calls=2500, clean=2500, clean_flagged=25, clean_p=0.5),
    "outliers": Seen(
        "outliers",
        calls=1600,
        clean=1500,
        clean_flagged=15,
        clean_p=0.5,
        outliers=100,
        caught=95,
        outlier_p=0.002,
        missed_by_model=90,
        missed_but_caught=85,
    ),
    "drifted": Seen("drifted", calls=1500, clean=1500, drift_after=300, drift='feature-drift; feature="s5"'),
}
ALL_PAGES = {"/healthz": True, "/metrics": True}
LEARNED = {"learning": Seen("learning", calls=2000, unscored=1999)}
ALL_TRACES = Traces(90, 90)


def failing(phases=GOOD, traces=ALL_TRACES, pages=ALL_PAGES) -> list[str]:
    found = findings(phases, Latency(1e-3, 1.2e-3), traces, pages)
    return [finding.claim for finding in found if not finding.holds]


def test_everything_seen() -> None:
    assert failing() == []


@pytest.mark.parametrize(
    ("phase", "change", "claim"),
    [
        ("clean", {"failed": 1}, "no call failed"),
        ("drifted", {"unscored": 1}, "every answer carries a score"),
        ("clean", {"clean_flagged": 12}, "clean calls flagged"),
        ("clean", {"clean_flagged": 51}, "clean calls flagged"),
        ("outliers", {"caught": 89}, "true outliers caught"),
        ("outliers", {"outlier_p": 0.5}, "median p of outliers below that of clean calls"),
        ("outliers", {"missed_but_caught": 45}, "outliers that the model called ordinary, flagged"),
        ("outliers", {"drift_after": 1600, "drift": "feature-drift"}, "no drift before the drifted stream"),
        ("drifted", {"drift_after": 0}, "drift named in the drifted stream"),
    ],
)
def test_one_claim_that_does_not_hold(phase: str, change: dict[str, object], claim: str) -> None:
    assert failing(GOOD | {phase: GOOD[phase]._replace(**change)}) == [claim]


def test_learning_must_end_and_is_granted_a_coarser_calibration() -> None:
    coarse = GOOD | {"clean": GOOD["clean"]._replace(clean_flagged=70)}
    assert failing(coarse) == ["clean calls flagged"]
    assert failing(coarse | LEARNED) == []
    never = {"learning": Seen("learning", calls=2000, unscored=2000)}
    assert failing(GOOD | never) == ["a baseline is learned from traffic"]


@pytest.mark.parametrize("traces", [Traces(90, 89), Traces(0, 0)])
def test_traces_that_did_not_arrive(traces: Traces) -> None:
    assert failing(traces=traces) == ["traces arrive at the collector"]


def test_an_admin_page_that_does_not_answer() -> None:
    assert failing(pages=ALL_PAGES | {"/metrics": False}) == ["admin pages answer"]


@pytest.mark.parametrize("name", ["clean", "outliers"])
def test_a_phase_that_never_got_an_answer_holds_nothing(name: str) -> None:
    assert failing(GOOD | {name: Seen(name, calls=100, failed=100)})
