"""sidecar: an observability sidecar for machine-learned models in production.

A call is proxied, scored and decided on by a small fast process (`sidecar.proxy`) and is then told
to a second process (`sidecar.observer`) that remembers, compares and explains.
"""

__version__ = "0.1.0"
