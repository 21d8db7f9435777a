"""Secrets as they stand in real traffic, none of them real, and the places where they are planted."""

from urllib.parse import quote, quote_plus

SECRETS = {
    "email": "jane.roe@customer-mail.example",
    "card": "4111111111111111",
    "card-spaced": "5500 0055 5555 5559",
    "amex": "371449635398431",
    "iban": "DE89370400440532013000",
    "iban-spaced": "GB29 NWBK 6016 1331 9268 19",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    "bearer": "Bearer mF_9.B5f-4.1JqM-planted",
    "aws": "AKIAIOSFODNN7EXAMPLE",
    "openai": "sk-planted0123456789abcdefghij",
    "github": "ghp_planted0123456789abcdefghijklmnop",
    "pem": "-----BEGIN PRIVATE KEY-----\nMIIEplantedvQIBADANBgkqhkiG9w0BAQ\n-----END PRIVATE KEY-----",
}
"""What patterns find."""

NAMED = {
    "password": "correct-horse-battery",
    "api_key": "zebra-quartz-lantern",
    "client_secret": "maple-orbit-thistle",
}
"""What only its name gives away."""


def leaks(data: bytes) -> list[str]:
    """The names of planted secrets that can be read in these bytes, whole or but for their ends."""
    found = []
    for name, secret in {**SECRETS, **NAMED}.items():
        core = secret[4:-4] if len(secret) > 16 else secret
        cores = {
            core,
            core.replace("\n", "\\n"),
            core.replace("\n", " "),
            quote(core, safe=""),
            quote_plus(core),
        }
        if any(one.encode() in data for one in cores):
            found.append(name)
    return found
