"""What is called a secret, and what only contains such a word."""

import pytest

from sidecar.redaction.names import assigned, hinted, is_secret
from sidecar.redaction.patterns import skeleton


@pytest.mark.parametrize(
    "name",
    ["password", "API_KEY", "api-key", "user_password", "clientSecret", "x.token", "Authorization", "pin"],
)
def test_secret(name):
    assert is_secret(name)


@pytest.mark.parametrize(
    "name", ["max_tokens", "total_tokens", "spin", "keyboard", "author", "passenger", "design"]
)
def test_no_secret(name):
    assert not is_secret(name)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("password=hunter2 x", "hunter2"),
        ('{"password": "hunter2"}', "hunter2"),
        ("{'secret': 'abc def'}", "abc def"),
        ('{\\"api_key\\": \\"abc\\"}', "abc"),
        ('{"password": "ab\\"cd\\\\", "b": "c"}', 'ab\\"cd\\\\'),
        ('{"a": "{\\"pwd\\": \\"x\\\\\\"y\\", \\"b\\": 1}"}', 'x\\\\\\"y'),
        ('{"password": "cut off and \\"on', 'cut off and \\"on'),
        ("Authorization: Basic dXNlcjpwYXNz", "Basic dXNlcjpwYXNz"),
        ("cvv=123&n=4", "123"),
        ('{"user_pin": 1234}', "1234"),
    ],
)
def test_assigned(text, value):
    assert [text[start:stop] for start, stop in assigned(text)] == [value]


@pytest.mark.parametrize(
    "text", ['"max_tokens": 100', "token: 5", "token: 512", "pin: 5", "password=null", "the password is long"]
)
def test_not_assigned(text):
    assert assigned(text) == []


@pytest.mark.parametrize(
    "name", ["password", "API_KEY", "api-key", "clientSecret", "x.token", "session-id", "e.pin"]
)
@pytest.mark.parametrize("form", ['{"%s": 1}', "%s=1", '"{\\"%s\\" : 1}"', "a %s: 1"])
def test_no_name_of_a_secret_goes_without_a_hint(name, form):
    data = (form % name).lower().encode()
    assert hinted(data)
    assert hinted(skeleton(data))


def test_few_other_names_do():
    for name in ("predictions", "max_tokens", "class", "message", "address", "design", "author"):
        assert not hinted(f'{{"{name}": 1}}'.encode())
