"""An account's number has its country's length and a right check."""

import pytest

from sidecar.redaction.accounts import LENGTHS, is_iban

# Of the registry's own examples.
EXAMPLES = (
    "NO9386011117947",
    "BE68539007547034",
    "NL91ABNA0417164300",
    "GB29NWBK60161331926819",
    "DE89370400440532013000",
    "FR1420041010050500013M02606",
    "MT84MALT011000012345MTLCAST001S",
    "LC55HEMM000100010012001200023015",
)


@pytest.mark.parametrize("number", EXAMPLES)
def test_examples_of_the_registry(number):
    assert is_iban(number)
    assert is_iban(number.lower())


@pytest.mark.parametrize("number", EXAMPLES)
def test_one_digit_off(number):
    assert not is_iban(number[:2] + f"{(int(number[2:4]) + 1) % 100:02}" + number[4:])


def test_the_length_is_the_countrys():
    """A longer number whose check is right all the same is nobody's."""
    assert LENGTHS["DE"] == 22
    longer = next(
        text
        for check in range(2, 99)
        if int("370400440532013000001314" + f"{check:02}") % 97 == 1
        for text in [f"DE{check:02}37040044053201300000"]
    )
    assert not is_iban(longer)
    assert not is_iban("ZZ89370400440532013000")
