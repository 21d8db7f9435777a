"""What is known of a namespace, and how often it is asked."""

import pytest

from sidecar.inject.cluster import Cluster
from sidecar.inject.namespaces import Facts, Namespaces, facts
from tests.inject.api_server import ApiServer


@pytest.mark.parametrize(
    ("metadata", "known"),
    [
        ({}, Facts()),
        ({"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}, Facts("restricted")),
        ({"labels": {"pod-security.kubernetes.io/enforce": "nonsense"}}, Facts()),
        ({"annotations": {"openshift.io/sa.scc.uid-range": "1000/500"}}, Facts("", (1000, 500))),
        ({"annotations": {"openshift.io/sa.scc.uid-range": "1000-1499"}}, Facts("", (1000, 500))),
        ({"annotations": {"openshift.io/sa.scc.uid-range": "x"}}, Facts()),
    ],
)
def test_labels_and_annotations(metadata, known):
    assert facts({"metadata": metadata}) == known


async def test_asked_once_in_a_while(tmp_path):
    async with ApiServer(tmp_path).running() as api, Cluster(api.url, api.account) as cluster:
        namespaces = Namespaces(cluster)
        for _ in range(3):
            assert await namespaces.facts("models") == Facts()
        assert api.asked == ["GET /api/v1/namespaces/models"]


async def test_without_an_answer_nothing_is_risked(tmp_path):
    async with ApiServer(tmp_path).running() as api, Cluster(api.url, api.account) as cluster:
        api.failing = True
        assert await Namespaces(cluster).facts("models") == Facts("unknown")
    assert await Namespaces(None).facts("models") == Facts()
