"""The webhook's metrics are those of the table, and no others."""

from prometheus_client.exposition import generate_latest

from sidecar.inject.measures import MEASURES, Measures


def test_every_metric_is_there():
    measures = Measures()
    measures.reviews.labels("injected", "injected").inc()
    measures.malformed.labels("400").inc()
    text = generate_latest(measures.registry).decode()
    found = {
        line.split()[2]: line.split()[3] for line in text.splitlines() if line.startswith("# TYPE sidecar_")
    }
    found = {name: kind for name, kind in found.items() if not name.endswith("_created")}
    assert found == {name: row.kind for name, row in MEASURES.items()}
    assert 'sidecar_webhook_reviews_total{outcome="injected",reason="injected"} 1.0' in text
