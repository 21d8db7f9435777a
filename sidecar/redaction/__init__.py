"""What must not be kept is taken out here, before anything leaves the data plane.

Pure: text and bytes in, the same without secrets out, and marks that say what was taken. Counterparts:
`sidecar.proxy.keeping` redacts whatever a record carries; `sidecar.settings.Settings.redact` says what.

    patterns    secrets known by their looks: e-mail, card numbers, IBAN, tokens, keys
    accounts    what makes a number an IBAN
    names       secrets known by what they are called
    paths       parts of JSON that the setting names
    coding      compressed bodies, opened as far as needed
    documents   JSON, forms, CSV and event streams, each in its own terms
    redactor    all of it, for one setting
"""

from __future__ import annotations

from sidecar.redaction.redactor import Body, Redactor, redactor

__all__ = ["Body", "Redactor", "redactor"]
