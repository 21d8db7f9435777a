"""Certificates of the webhook's own making: which there should be at any moment. Pure, but for the keys.

    a new authority    joins the bundle well before the old one ends; nothing is signed with it yet
    it has settled     every API server has the bundle by now: the serving certificate is signed anew
    that has settled   every replica serves it: the old authority leaves the bundle

So at each moment whatever any replica serves is signed by an authority that everybody trusts. Nothing but the
certificates is remembered: their dates say how far it has come. Counterpart: `sidecar.inject.keeping`.
"""

from __future__ import annotations

import datetime
from typing import NamedTuple

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SKEW = datetime.timedelta(minutes=5)
"""Certificates are dated back by this: clocks differ."""


class Times(NamedTuple):
    """How long things last, in seconds. `settle`: until a change has reached everybody."""

    authority: float = 365 * 86_400.0
    serving: float = 30 * 86_400.0
    settle: float = 600.0


class Pair(msgspec.Struct, frozen=True):
    """A certificate and its key, both PEM."""

    certificate: str
    key: str


class Held(msgspec.Struct, frozen=True):
    """All that is kept: authorities, the oldest first, and what is served."""

    authorities: tuple[Pair, ...]
    serving: Pair

    @property
    def bundle(self) -> str:
        """What the API servers are to trust."""
        return "".join(one.certificate for one in self.authorities)


def due(held: Held | None, hosts: tuple[str, ...], times: Times, now: datetime.datetime) -> Held:
    """What there should be now; `held` itself where nothing is to be done."""
    authorities = [one for one in (held.authorities if held else ()) if _left(one, now) > 0]
    if not authorities or _left(authorities[-1], now) < max(times.authority / 3, times.serving):
        authorities.append(_authority(times, now))
    settled = [one for one in authorities if _age(one, now) >= times.settle]
    signer = settled[-1] if settled else authorities[0]
    serving = held.serving if held else None
    if serving is None or not _serves(serving, signer, hosts) or _left(serving, now) < times.serving / 3:
        serving = _serving(signer, hosts, times, now)
    if _age(serving, now) >= times.settle:
        authorities = authorities[authorities.index(signer) :]
    found = Held(tuple(authorities), serving)
    return held if found == held and held is not None else found


def expires(pair: Pair) -> float:
    """When a certificate ends, Unix time."""
    return _read(pair).not_valid_after_utc.timestamp()


def _read(pair: Pair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.certificate.encode())


def _left(pair: Pair, now: datetime.datetime) -> float:
    return (_read(pair).not_valid_after_utc - now).total_seconds()


def _age(pair: Pair, now: datetime.datetime) -> float:
    return (now - (_read(pair).not_valid_before_utc + SKEW)).total_seconds()


def _serves(serving: Pair, signer: Pair, hosts: tuple[str, ...]) -> bool:
    """Whether a certificate is for these hosts and signed by this authority."""
    certificate, authority = _read(serving), _read(signer)
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(names.get_values_for_type(x509.DNSName)) == set(hosts)


def _authority(times: Times, now: datetime.datetime) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"model-sidecar webhook authority {now:%Y-%m-%dT%H:%M:%S}")
    builder = _builder(name, name, key, now, times.authority)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    return _pair(builder.add_extension(usage, critical=True).sign(key, hashes.SHA256()), key)


def _serving(signer: Pair, hosts: tuple[str, ...], times: Times, now: datetime.datetime) -> Pair:
    authority = _read(signer)
    signing = serialization.load_pem_private_key(signer.key.encode(), None)
    assert isinstance(signing, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    lasting = min(times.serving, _left(signer, now))
    builder = _builder(_name(hosts[0][:64]), authority.subject, key, now, lasting)
    names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key())
    for extension in (names, usage, identifier):
        builder = builder.add_extension(extension, critical=False)
    return _pair(builder.sign(signing, hashes.SHA256()), key)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: datetime.datetime,
    lasting: float,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + datetime.timedelta(seconds=lasting))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Pair(certificate.public_bytes(serialization.Encoding.PEM).decode(), pem.decode())
