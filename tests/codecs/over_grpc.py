"""What tests of the codecs of gRPC share."""

from collections.abc import Callable

from sidecar.errors import Undecodable

HEADERS = ((b"content-type", b"application/grpc"),)


def reason_of(reading: Callable[[], object]) -> str:
    """Why a body cannot be read; empty if it can."""
    try:
        reading()
    except Undecodable as error:
        return str(error)
    return ""
