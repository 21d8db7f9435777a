import pytest

from sidecar.console.exposure import check
from sidecar.errors import UsageError
from tests.observer.test_observer import settings


@pytest.mark.parametrize("admin", ["127.0.0.1:9702", "[::1]:9702", "localhost:9702"])
def test_loopback_needs_no_protection(admin):
    check(settings(admin=admin))


@pytest.mark.parametrize("admin", ["0.0.0.0:9702", "[::]:9702", "10.1.2.3:9702", "sidecar.test:9702"])
def test_elsewhere_it_does_not_start_unprotected_unless_told_so(admin, tmp_path):
    with pytest.raises(UsageError, match=r"admin-token FILE.*admin-open"):
        check(settings(admin=admin))
    check(settings(admin=admin, admin_open="health"))
    (tmp_path / "token").write_text("0123456789abcdef")
    check(settings(admin=admin, admin_read_token=str(tmp_path / "token")))


def test_tokens_must_be_there_and_long(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        check(settings(admin_token=str(tmp_path / "nothing")))
    (tmp_path / "token").write_text("short")
    with pytest.raises(UsageError, match="at least 16"):
        check(settings(admin_token=str(tmp_path / "token")))
