"""Starting the webhook, and how it is refused. tests/stories/test_webhook.py has the process at work."""

import pytest

from sidecar import cli
from tests.proxy.certificates import Authority


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "outside of a cluster"),
        (["--tls-cert", "x"], "go together"),
        (["--config", "/no/such"], "--config /no/such"),
        (["--api-server", "https://127.0.0.1:1", "--account", "/no/such"], "no service account"),
        (["--tls-cert", "CERT", "--tls-key", "KEY", "--kubernetes", "x"], "--kubernetes x"),
        (["--tls-cert", "CERT", "--tls-key", "KEY", "--kubernetes", "1.31", "--listen", "x"], "--listen x"),
    ],
)
def test_wrong_orders(capsys, tmp_path, arguments, said):
    pair = Authority(tmp_path, "ca").issue("webhook")
    given = [{"CERT": pair.certificate, "KEY": pair.key}.get(word, word) for word in arguments]
    assert cli.main(["webhook", "--admin", "127.0.0.1:0", *given]) == 2
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_a_certificate_that_is_none(capsys, tmp_path):
    (tmp_path / "x").write_text("x")
    given = ["--tls-cert", str(tmp_path / "x"), "--tls-key", str(tmp_path / "x"), "--kubernetes", "1.31"]
    assert cli.main(["webhook", "--admin", "127.0.0.1:0", *given]) == 1
    assert "cannot be served" in capsys.readouterr().err
