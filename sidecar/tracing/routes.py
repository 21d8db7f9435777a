"""Route templates: how a span is named without a name for every model and every typo.

A span's name must have few values (OpenTelemetry, HTTP span names), so it is the template of a path that a
model server is known to serve, and nothing where none fits. First match wins.
"""

from __future__ import annotations

import re
from functools import lru_cache

REMEMBERED_LENGTH = 256
"""Characters of a path that is remembered: a caller chooses how many there are, and how long."""

ROUTES = (
    # V1: KServe, TensorFlow Serving
    "/v1/models/{model}:predict",
    "/v1/models/{model}:explain",
    "/v1/models/{model}:classify",
    "/v1/models/{model}:regress",
    "/v1/models/{model}/versions/{version}:predict",
    "/v1/models/{model}/versions/{version}:classify",
    "/v1/models/{model}/versions/{version}:regress",
    "/v1/models/{model}/versions/{version}/metadata",
    "/v1/models/{model}/versions/{version}",
    "/v1/models/{model}/labels/{label}:predict",
    "/v1/models/{model}/labels/{label}:classify",
    "/v1/models/{model}/labels/{label}:regress",
    "/v1/models/{model}/labels/{label}/metadata",
    "/v1/models/{model}/labels/{label}",
    "/v1/models/{model}/metadata",
    "/v1/models/{model}",
    "/v1/models",
    # V2: the Open Inference Protocol, with the extensions of Triton and MLServer
    "/v2",
    "/v2/health/live",
    "/v2/health/ready",
    "/v2/models/stats",
    "/v2/models/{model}/infer",
    "/v2/models/{model}/infer_stream",
    "/v2/models/{model}/generate",
    "/v2/models/{model}/generate_stream",
    "/v2/models/{model}/ready",
    "/v2/models/{model}/stats",
    "/v2/models/{model}/versions/{version}/infer",
    "/v2/models/{model}/versions/{version}/infer_stream",
    "/v2/models/{model}/versions/{version}/generate",
    "/v2/models/{model}/versions/{version}/generate_stream",
    "/v2/models/{model}/versions/{version}/ready",
    "/v2/models/{model}/versions/{version}/stats",
    "/v2/models/{model}/versions/{version}",
    "/v2/models/{model}",
    "/v2/repository/index",
    "/v2/repository/models/{model}/load",
    "/v2/repository/models/{model}/unload",
    # MLflow and SageMaker
    "/invocations",
    "/ping",
    "/version",
    # OpenAI
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/responses",
    # gRPC: the method is the path
    "/inference.GRPCInferenceService/ModelInfer",
    "/inference.GRPCInferenceService/ModelStreamInfer",
    "/inference.GRPCInferenceService/ModelMetadata",
    "/inference.GRPCInferenceService/ModelReady",
    "/inference.GRPCInferenceService/ServerLive",
    "/inference.GRPCInferenceService/ServerReady",
    "/inference.GRPCInferenceService/ServerMetadata",
    "/tensorflow.serving.PredictionService/Predict",
    # What nearly every server has
    "/health",
    "/healthz",
    "/readyz",
    "/livez",
    "/metrics",
)


def _pattern(template: str) -> str:
    # A name ends where the template goes on; a colon in it would be somebody's `:predict`.
    return "".join("[^/:]+" if part.startswith("{") else re.escape(part) for part in _parts(template))


def _parts(template: str) -> list[str]:
    return re.split(r"(\{[a-z]+\})", template)


_ROUTE = re.compile("|".join(f"({_pattern(template)})" for template in ROUTES))


def route(path: str) -> str:
    """The template that `path` (raw, without query) fits, or an empty string.

    >>> route("/v2/models/fraud/versions/3/infer")
    '/v2/models/{model}/versions/{version}/infer'
    """
    return _known(path) if len(path) <= REMEMBERED_LENGTH else _fitting(path)


def _fitting(path: str) -> str:
    match = _ROUTE.fullmatch(path)
    return ROUTES[match.lastindex - 1] if match and match.lastindex else ""


_known = lru_cache(maxsize=1024)(_fitting)
