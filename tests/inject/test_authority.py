"""Certificates over years of their life: at every moment whatever is served is trusted by everybody."""

import datetime
import ssl

import pytest
from cryptography import x509

from sidecar.inject.authority import SKEW, Held, Times, due, expires

HOSTS = ("webhook.sidecar-system.svc", "webhook.sidecar-system.svc.cluster.local")
TIMES = Times(authority=90 * 86_400.0, serving=10 * 86_400.0, settle=600.0)
START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def certificate(pair):
    return x509.load_pem_x509_certificate(pair.certificate.encode())


def trusted(held: Held, bundle: str) -> bool:
    authorities = x509.load_pem_x509_certificates(bundle.encode())
    return any(certificate(held.serving).issuer == one.subject for one in authorities)


def test_the_first():
    held = due(None, HOSTS, TIMES, START)
    assert len(held.authorities) == 1
    assert trusted(held, held.bundle)
    one = certificate(held.serving)
    names = one.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert tuple(names.get_values_for_type(x509.DNSName)) == HOSTS
    assert one.not_valid_before_utc == START - SKEW
    assert expires(held.serving) == (START + datetime.timedelta(days=10)).timestamp()
    assert due(held, HOSTS, TIMES, START) is held
    assert ssl.PEM_cert_to_DER_cert(held.serving.certificate)


def test_a_year():
    """Looked at every five minutes around changes, hourly between: replicas may be one look behind."""
    held, now = due(None, HOSTS, TIMES, START), START
    signers, most, served = set(), 0, set()
    while now < START + datetime.timedelta(days=365):
        now += datetime.timedelta(minutes=60 if due(held, HOSTS, TIMES, now) is held else 5)
        new = due(held, HOSTS, TIMES, now)
        # Whoever has the new bundle trusts a replica that serves the old one, and the other way round.
        assert trusted(held, new.bundle)
        assert trusted(new, held.bundle)
        assert expires(new.serving) > now.timestamp()
        held = new
        signers.add(certificate(held.serving).issuer)
        served.add(held.serving.certificate)
        most = max(most, len(held.authorities))
    assert 5 <= len(signers) <= 8
    assert 50 <= len(served) <= 70
    assert most == 2
    assert len(held.authorities) <= 2


def test_a_new_authority_signs_only_once_it_has_settled():
    held = due(None, HOSTS, TIMES, START)
    late = START + datetime.timedelta(days=61)
    first = due(held, HOSTS, TIMES, late)
    assert len(first.authorities) == 2
    assert certificate(first.serving).issuer == certificate(held.authorities[0]).subject
    then = due(first, HOSTS, TIMES, late + datetime.timedelta(seconds=601))
    assert certificate(then.serving).issuer == certificate(first.authorities[1]).subject
    assert len(then.authorities) == 2, "others may still serve the old one"
    last = due(then, HOSTS, TIMES, late + datetime.timedelta(seconds=1202))
    assert last.authorities == first.authorities[1:]


@pytest.mark.parametrize("days", [9, 89, 400])
def test_after_a_long_absence(days):
    held = due(None, HOSTS, TIMES, START)
    now = START + datetime.timedelta(days=days)
    new = due(held, HOSTS, TIMES, now)
    assert expires(new.serving) > now.timestamp()
    assert trusted(new, new.bundle)


def test_other_hosts_and_another_authority():
    held = due(None, HOSTS, TIMES, START)
    moved = due(held, ("elsewhere.svc",), TIMES, START)
    assert moved.authorities == held.authorities
    assert moved.serving != held.serving
    stranger = Held(held.authorities, due(None, HOSTS, TIMES, START).serving)
    assert trusted(due(stranger, HOSTS, TIMES, START), held.bundle)
