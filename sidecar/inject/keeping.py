"""Where the webhook's certificates come from, and how they change while it serves.

`OwnCertificates` are made here, kept in a Secret that all replicas share, and trusted through the bundle in
the webhook's configuration. `GivenCertificates` are files that others renew, such as cert-manager. Both
change a TLS context in use: open connections stay, new ones get the new certificate. Counterparts:
`sidecar.inject.authority` decides, `sidecar.inject.cluster` asks.
"""

from __future__ import annotations

import base64
import datetime
import logging
import os
import ssl
import tempfile
from pathlib import Path
from typing import Protocol

import msgspec

from sidecar.errors import UsageError
from sidecar.inject.authority import Held, Pair, Times, due, expires
from sidecar.inject.cluster import Cluster, ClusterError
from sidecar.inject.reasons import Json

log = logging.getLogger(__name__)


class Certificates(Protocol):
    """A source of certificates."""

    async def look(self) -> Pair:
        """What is to be served now. Raises ClusterError or UsageError; what serves then goes on."""


class GivenCertificates:
    """Two files."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate = certificate
        self._key = key

    async def look(self) -> Pair:
        """As the files are now."""
        try:
            return Pair(self._certificate.read_text(encoding="ascii"), self._key.read_text(encoding="ascii"))
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{self._certificate}: {error}") from error


class OwnCertificates:
    """A Secret, and the bundles of a webhook configuration. Every replica looks, whoever is first acts."""

    def __init__(
        self, cluster: Cluster, secret: str, configuration: str, hosts: tuple[str, ...], times: Times
    ) -> None:
        self._cluster = cluster
        self._secret = f"/api/v1/namespaces/{cluster.namespace}/secrets"
        self._name = secret
        self._configuration = (
            f"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/{configuration}"
        )
        self._hosts = hosts
        self._times = times

    async def look(self) -> Pair:
        """Take part in what is due, and give what is to be served."""
        held = await self._held()
        # The bundle first: nobody serves what is not trusted yet.
        await self._trust(held.bundle)
        return held.serving

    async def _held(self) -> Held:
        for _ in range(3):
            there = await self._read()
            before = None if there is None else _from_secret(there)
            held = due(before, self._hosts, self._times, datetime.datetime.now(datetime.UTC))
            if held is before:
                return held
            try:
                await self._write(there, held)
            except ClusterError as error:
                if error.status != 409:
                    raise
                continue  # another replica was faster: what it wrote counts
            log.info("certificates renewed: %d in the bundle", len(held.authorities))
            return held
        raise ClusterError("the Secret changes faster than it can be written")

    async def _read(self) -> Json | None:
        try:
            return await self._cluster.get(f"{self._secret}/{self._name}")
        except ClusterError as error:
            if error.status == 404:
                return None
            raise

    async def _write(self, there: Json | None, held: Held) -> None:
        data = _to_data(held)
        if there is None:
            metadata: Json = {"name": self._name, "namespace": self._cluster.namespace}
            thing = {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": metadata,
                "type": "Opaque",
                "data": data,
            }
            await self._cluster.post(self._secret, thing)
        else:  # with its resourceVersion, so that it fails where another was faster
            await self._cluster.put(f"{self._secret}/{self._name}", {**there, "data": data})

    async def _trust(self, bundle: str) -> None:
        configuration = await self._cluster.get(self._configuration)
        wanted = base64.b64encode(bundle.encode()).decode()
        operations: list[Json] = []
        for place, webhook in enumerate(configuration.get("webhooks") or []):
            if webhook["clientConfig"].get("caBundle") != wanted:
                at = f"/webhooks/{place}"
                operations.append({"op": "test", "path": f"{at}/name", "value": webhook["name"]})
                operations.append({"op": "add", "path": f"{at}/clientConfig/caBundle", "value": wanted})
        if operations:
            await self._cluster.patch(self._configuration, operations)
            log.info("the bundle of the webhook configuration is renewed")


def _to_data(held: Held) -> Json:
    content = {
        "ca.crt": held.bundle.encode(),
        "tls.crt": held.serving.certificate.encode(),
        "tls.key": held.serving.key.encode(),
        "authorities": msgspec.json.encode(held.authorities),
    }
    return {name: base64.b64encode(value).decode() for name, value in content.items()}


def _from_secret(secret: Json) -> Held | None:
    """What a Secret holds, or None when it is none of ours or spoilt: then it is made anew."""
    try:
        data = {name: base64.b64decode(text) for name, text in (secret.get("data") or {}).items()}
        held = Held(
            msgspec.json.decode(data["authorities"], type=tuple[Pair, ...]),
            Pair(data["tls.crt"].decode(), data["tls.key"].decode()),
        )
        for pair in (*held.authorities, held.serving):
            expires(pair)
    except (KeyError, ValueError, msgspec.MsgspecError) as error:
        if secret.get("data"):
            log.error("the Secret's certificates cannot be read and are made anew: %s", error)
        return None
    return held


class Served:
    """The TLS context in use, and the certificate in it."""

    def __init__(self) -> None:
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._pair: Pair | None = None

    def serve(self, pair: Pair) -> bool:
        """Serve another certificate from the next connection on; False when it is the same. Raises UsageError
        for one that is none, and the old one stays."""
        if pair == self._pair:
            return False
        # OpenSSL reads files only. It is tried apart first, so that a bad pair spoils nothing.
        with tempfile.TemporaryDirectory(prefix="sidecar-webhook-") as folder:
            certificate, key = Path(folder) / "tls.crt", Path(folder) / "tls.key"
            certificate.write_text(pair.certificate, encoding="ascii")
            descriptor = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(pair.key)
            try:
                ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
                self.context.load_cert_chain(certificate, key)
            except (OSError, ssl.SSLError, ValueError) as error:
                raise UsageError(f"the certificate cannot be served: {error}") from error
        self._pair = pair
        return True
