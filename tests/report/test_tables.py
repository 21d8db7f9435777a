from sidecar.report.tables import flow_name, same_flow, second, share, table, text

NASTY = "<img src=x onerror=alert(1)>&\"'"
FLOW = {"model": "iris", "version": "3", "route": "/predict"}


def test_whatever_is_shown_is_escaped():
    assert text(NASTY) == "&lt;img src=x onerror=alert(1)&gt;&amp;&quot;&#x27;"
    assert "<img" not in table((NASTY,), [(NASTY,)])


def test_numbers_are_short_and_nothing_is_empty():
    assert (text(1.23456789), text(12), text(None)) == ("1.235", "12", "")
    assert (share(0.1234), share(None)) == ("12.34%", "")
    assert (second("2026-11-24T22:29:31.588Z"), second(None)) == ("2026-11-24 22:29:31", "")


def test_a_table_has_its_numbers_to_the_right_and_is_nothing_without_rows():
    drawn = table(("Name", "#Rows"), [("a", 1), ("b", 2)])
    assert drawn.count("<tr>") == 3
    assert drawn.count('class="number"') == 3
    assert table(("Name",), []) == ""


def test_flows_are_named_and_told_apart():
    assert flow_name(FLOW) == "iris version 3 at /predict"
    assert flow_name({**FLOW, "model": "", "version": ""}) == "(no model named) at /predict"
    assert same_flow(FLOW, dict(FLOW))
    assert not same_flow(FLOW, {**FLOW, "version": "4"})
