"""The rules as text, and what is refused. tests/stories/test_redirect.py has them at work."""

import argparse

import pytest

from sidecar.errors import SidecarError, UsageError
from sidecar.inject import redirect
from sidecar.inject.redirect import Order, rules


def arguments(*words):
    parser = argparse.ArgumentParser()
    redirect.add_arguments(parser)
    return parser.parse_args(words)


def test_the_models_port_only():
    assert rules(Order(8080, 9700)) == (
        "*nat\n:SIDECAR_IN - [0:0]\n:SIDECAR_OUT - [0:0]\n"
        "-A SIDECAR_IN -p tcp --dport 8080 -j REDIRECT --to-ports 9700\n"
        "COMMIT\n*filter\n:SIDECAR_GUARD - [0:0]\nCOMMIT\n"
    )


def test_its_own_calls_too():
    text = rules(Order(8080, 9700, (80, 81), 9701, 9700))
    out = [line for line in text.splitlines() if "_OUT -" in line and line.startswith("-A")]
    assert out == [
        "-A SIDECAR_OUT -m owner --uid-owner 9700 -j RETURN",
        "-A SIDECAR_OUT -o lo -j RETURN",
        "-A SIDECAR_OUT -p tcp -m multiport --dports 80,81 -j REDIRECT --to-ports 9701",
    ]
    assert "-A SIDECAR_GUARD -p tcp --dport 9701 ! -i lo -j REJECT --reject-with tcp-reset" in text


def test_grpc_beside_it():
    text = rules(Order(8080, 9700, grpc_port=8081, grpc_to=9703))
    assert [line for line in text.splitlines() if line.startswith("-A")] == [
        "-A SIDECAR_IN -p tcp --dport 8080 -j REDIRECT --to-ports 9700",
        "-A SIDECAR_IN -p tcp --dport 8081 -j REDIRECT --to-ports 9703",
    ]


def test_printed(capsys):
    assert redirect.run(arguments("--port", "1", "--to", "2", "--print")) == 0
    assert capsys.readouterr().out == rules(Order(1, 2))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--port", "0", "--to", "1"], "0 is no port"),
        (["--port", "1", "--to", "65536"], "65536 is no port"),
        (["--port", "1", "--to", "2", "--grpc-port", "3"], "0 is no port"),
        (["--port", "1", "--to", "2", "--egress-ports", "a"], "--egress-ports a"),
        (["--port", "1", "--to", "2", "--egress-ports", "80", "--egress-to", "3"], "needs --user"),
        (["--port", "1", "--to", "2", "--egress-ports", "80", "--user", "5"], "0 is no port"),
    ],
)
def test_wrong_orders(words, said):
    with pytest.raises(UsageError, match=said):
        redirect.run(arguments(*words))


def test_an_ordinary_user_cannot(monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(SidecarError, match="needs root"):
        redirect.run(arguments("--port", "1", "--to", "2"))
