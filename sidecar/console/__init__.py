"""What people and machines ask the observer: health, metrics, API and pages, on the admin address.

guard       who may ask for what; exposure: whether the address may be where it is
views       the observer's state -> plain values, one function for each answer; no I/O
modes       six ways in which a model fails, each with its state and what to do next
health      /healthz and /readyz
metrics     /metrics: the table of every metric, and the collector that fills it
api         /api/v1/...: parameters in, JSON or problem+json out; rows_api the part about rows
site        pages for people, made in pages/ of what the API answers; events tells them of news
serve       wires observer, hearing, snapshots, spans and all of the above into one process
"""
