from sidecar.console.pages import flows
from tests.console.seen import check

ONE = {"model": "a", "version": "1", "route": "/x"}
TWO = {"model": "b", "version": "", "route": "/y?z"}


def test_a_flow_is_found_again_by_its_address():
    address = flows.address("/features", TWO, offset=24)
    assert address == "/features?model=b&route=%2Fy%3Fz&offset=24"
    assert flows.chosen([ONE, TWO], flows.wanted({"model": "b", "route": "/y?z"})) is TWO
    assert flows.chosen([ONE, TWO], flows.wanted({})) is None


def test_others_are_offered_where_there_are_some():
    assert flows.chooser("/", [ONE], ONE) == ""
    seen = check(flows.chooser("/", [ONE, TWO], TWO))
    (current,) = [a["href"] for tag, a in seen.elements if "aria-current" in a]
    assert current == flows.address("/", TWO)
