"""The Kubernetes API, asked over TLS with the pod's token."""

import pytest

from sidecar.errors import UsageError
from sidecar.inject.cluster import Cluster, ClusterError, from_environment
from tests.inject.api_server import ApiServer


async def test_asked_and_answered(tmp_path):
    async with ApiServer(tmp_path).running() as api, Cluster(api.url, api.account) as cluster:
        assert (await cluster.get("/version"))["minor"] == "31+"
        assert cluster.namespace == "sidecar-system"
        with pytest.raises(ClusterError, match=r"404: no such namespace") as caught:
            await cluster.get("/api/v1/namespaces/none")
        assert caught.value.status == 404
        with pytest.raises(ClusterError, match=r"40[45], and no JSON"):
            await cluster.post("/version", {})
        (api.account / "token").write_text("another")
        with pytest.raises(ClusterError, match="401: who are you"):
            await cluster.get("/version")


async def test_nobody_there_and_nobody_trusted(tmp_path):
    async with ApiServer(tmp_path).running() as api:
        account, url = api.account, api.url
        (tmp_path / "other").mkdir()
        stranger = ApiServer(tmp_path / "other").account
        async with Cluster(url, stranger) as cluster:
            with pytest.raises(ClusterError, match=r"no answer.*certificate"):
                await cluster.get("/version")
    async with Cluster(url, account) as cluster:
        with pytest.raises(ClusterError, match="no answer") as caught:
            await cluster.get("/version")
        assert caught.value.status == 0


async def test_where_the_cluster_is(tmp_path, monkeypatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert from_environment() is None
    with pytest.raises(UsageError, match="no service account"):
        from_environment("https://127.0.0.1:1", tmp_path / "none")
    account = ApiServer(tmp_path).account
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    found = from_environment(account=account)
    assert found is not None
    async with found:
        with pytest.raises(ClusterError, match="no answer"):
            await found.get("/version")
