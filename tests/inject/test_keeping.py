"""Certificates are kept in a Secret, trusted through the bundle, and changed in a context that is in use."""

import asyncio
import base64
import contextlib
import ssl
from pathlib import Path

import pytest

from sidecar.errors import UsageError
from sidecar.inject.authority import Pair, Times
from sidecar.inject.cluster import Cluster, ClusterError
from sidecar.inject.keeping import GivenCertificates, OwnCertificates, Served
from tests.inject.api_server import CONFIGURATION, ApiServer
from tests.proxy.certificates import Authority

HOSTS = ("webhook.sidecar-system.svc",)


def own(cluster, times=None):
    return OwnCertificates(cluster, "tls", CONFIGURATION, HOSTS, times or Times())


def bundles(api):
    return {
        base64.b64decode(one["clientConfig"]["caBundle"]).decode() for one in api.configuration["webhooks"]
    }


async def test_two_replicas_share_one(tmp_path):
    async with ApiServer(tmp_path).running() as api, Cluster(api.url, api.account) as cluster:
        pairs = await asyncio.gather(*(own(cluster).look() for _ in range(4)))
        assert len(set(pairs)) == 1
        assert len(bundles(api)) == 1
        data = api.secrets["tls"]["data"]
        assert base64.b64decode(data["tls.crt"]).decode() == pairs[0].certificate
        assert base64.b64decode(data["ca.crt"]).decode() in bundles(api)
        before = len(api.asked)
        assert await own(cluster).look() == pairs[0]
        assert [one.partition(" ")[0] for one in api.asked[before:]] == ["GET", "GET"], (
            "nothing is written again"
        )


async def test_a_bundle_that_somebody_spoilt_is_mended(tmp_path):
    async with ApiServer(tmp_path).running() as api, Cluster(api.url, api.account) as cluster:
        await own(cluster).look()
        good = bundles(api)
        api.configuration["webhooks"][1]["clientConfig"]["caBundle"] = "eA=="
        await own(cluster).look()
        assert bundles(api) == good


@pytest.mark.parametrize(
    "data", [None, {}, {"tls.crt": "eA=="}, {"authorities": "W10=", "tls.crt": "", "tls.key": ""}]
)
async def test_a_spoilt_secret_is_made_anew(tmp_path, data):
    async with ApiServer(tmp_path).running() as api, Cluster(api.url, api.account) as cluster:
        api.secrets["tls"] = {"metadata": {"name": "tls", "resourceVersion": "7"}, "data": data}
        pair = await own(cluster).look()
        assert api.secrets["tls"]["metadata"]["resourceVersion"] == "8"
        assert Served().serve(pair)


async def test_without_the_api_nothing_changes(tmp_path):
    async with ApiServer(tmp_path).running() as api, Cluster(api.url, api.account) as cluster:
        api.failing = True
        with pytest.raises(ClusterError, match="etcd is away"):
            await own(cluster).look()


async def test_given_files(tmp_path):
    pair = Authority(tmp_path, "ca").issue("webhook")
    given = GivenCertificates(tmp_path / "ca-webhook.pem", tmp_path / "ca-webhook.key")
    assert (await given.look()).certificate.startswith("-----BEGIN")
    with pytest.raises(UsageError, match="No such file"):
        await GivenCertificates(tmp_path / "none", tmp_path / "none").look()
    assert pair.key.endswith("ca-webhook.key")


def test_a_context_in_use_changes_and_a_bad_pair_does_not_harm_it(tmp_path):
    def read(name):
        pair = Authority(tmp_path, name).issue("webhook")
        return Pair(Path(pair.certificate).read_text(), Path(pair.key).read_text())

    first, second = read("one"), read("two")
    served = Served()
    assert [served.serve(pair) for pair in (first, first, second)] == [True, False, True]
    for bad in (Pair(first.certificate, second.key), Pair("x", "y"), Pair("", "")):
        with pytest.raises(UsageError, match="cannot be served"):
            served.serve(bad)
    assert _shown(served.context) == ssl.PEM_cert_to_DER_cert(second.certificate)


def _shown(context):
    """The certificate that a context shows to a client."""
    client = ssl.create_default_context()
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server),
        context.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(4):
        for end in ends:
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
    return ends[0].getpeercert(binary_form=True)
