"""Bank accounts by their international number: a country, two check digits, and as many characters as it has.

The check alone lets one text in 97 pass, and a request id in hexadecimal looks like an account often enough
to be met. Every country's numbers have one length, which hardly an id has. Source: ISO 13616-1 and the IBAN
registry; countries that write such numbers without being in it are here, too. Counterpart:
`sidecar.redaction.patterns`, which finds what may be one.
"""

from __future__ import annotations

_COUNTRIES_BY_LENGTH = {
    15: "NO",
    16: "BE",
    18: "AX DK FI FK FO GL NL SD",
    19: "MK SI",
    20: "AT BA EE KZ LT LU MN XK",
    21: "CH HR LI LV",
    22: "BG BH CR DE GB GE GG IE IM JE ME RS VA",
    23: "AE GI IL IQ OM SO TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "AO CV GW LY MZ PT ST",
    26: "DZ IR IS TR",
    27: "BI BL CF CG CM DJ FR GA GF GP GQ GR IT KM MC MF MG MQ MR NC PF PM RE SM TD TF WF YT",
    28: "AL AZ BF BJ BY CI CY DO GT HN HU LB MA ML NE NI PL SN SV TG",
    29: "BR EG PS QA UA",
    30: "JO KW MU YE",
    31: "MT SC",
    32: "LC",
    33: "RU",
}

LENGTHS = {
    country: length for length, countries in _COUNTRIES_BY_LENGTH.items() for country in countries.split()
}
"""Characters of an account's number, by its first two."""


def is_iban(text: str) -> bool:
    """Whether letters and digits are an IBAN: as long as its country has it, and mod 97 of the rearranged
    number is 1."""
    if len(text) != LENGTHS.get(text[:2].upper()):
        return False
    return int("".join(str(int(char, 36)) for char in text[4:] + text[:4])) % 97 == 1
