"""What people and machines ask the observer: health, metrics, API and a page, on the admin address.

views       the observer's state -> plain values, one function for each answer; no I/O
health      /healthz and /readyz
metrics     /metrics: the table of every metric, and the collector that fills it
api         /api/v1/...: parameters in, JSON or problem+json out
page        /: the main facts for people, without a script
serve       wires observer, hearing, snapshots, spans and all of the above into one process
"""
