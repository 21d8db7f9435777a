"""The other models that policies name: a pool for each, as long as it is named."""

from sidecar.proxy.others import Others
from sidecar.settings import Settings

SETTINGS = Settings(upstream="http://127.0.0.1:1", connect_timeout=0.5)


def test_a_pool_is_made_once_and_goes_with_its_name():
    others = Others()
    one = others.pool("http://127.0.0.1:2", SETTINGS)
    assert others.pool("http://127.0.0.1:2", SETTINGS) is one
    assert (one.address.port, one.connect_timeout) == (2, 0.5)
    others.keep({"http://127.0.0.1:2"})
    assert others.pool("http://127.0.0.1:2", SETTINGS) is one
    others.expire(0.0)
    others.close()
    assert others.pool("http://127.0.0.1:2", SETTINGS) is not one
    others.close()
