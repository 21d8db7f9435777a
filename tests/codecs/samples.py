"""One good exchange in every form that every codec knows: what goes over the wire, and what is in it.

The bytes are made by the encoders that real clients and servers use (json, numpy.save, Pillow, struct),
never by the code under test. `test_laws` applies the same laws to all of them.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from sidecar.exchange import Headers, Reply, Request, Tensor

NAMES = ("größe", "Ж 1")
"""Two columns with names that are not ASCII."""


class Sample(NamedTuple):
    """An exchange of `rows` rows, and the tensors of question and answer."""

    request: Request
    asked: tuple[Tensor, ...]
    reply: Reply
    answered: tuple[Tensor, ...]


class Form(NamedTuple):
    """A form of one codec. `ends`: a body that is cut anywhere is recognisably not whole."""

    id: str
    codec: str
    make: Callable[[int], Sample]
    many: bool = True
    ends: bool = True


def numbers(rows: int) -> np.ndarray:
    return np.random.default_rng(rows).normal(size=(rows, 2)).round(6)


def counts(rows: int) -> np.ndarray:
    return np.arange(rows, dtype=np.int64) * 3 - 1


def texts(rows: int) -> np.ndarray:
    return np.array([("Bern", "Zürich", None)[i % 3] for i in range(rows)], dtype=object)


def post(target: str, media: str | None, body: bytes, *more: tuple[bytes, bytes]) -> Request:
    return Request("POST", target, headers(media, *more), body)


def headers(media: str | None, *more: tuple[bytes, bytes]) -> Headers:
    typed = () if media is None else ((b"Content-Type", media.encode()),)
    return ((b"Host", b"model"), *typed, *more)


def as_json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def answer(value: object) -> Reply:
    return Reply(200, headers("application/json"), as_json(value))


# -- V1 ----------------------------------------------------------------------------------------------


def v1_lists(rows: int) -> Sample:
    X = numbers(rows)
    return Sample(
        post("/v1/models/iris:predict", "application/json", as_json({"instances": X.tolist()})),
        (Tensor("instances", X),),
        answer({"predictions": counts(rows).tolist()}),
        (Tensor("predictions", counts(rows)),),
    )


def v1_objects(rows: int) -> Sample:
    X = numbers(rows)
    instances = [{**dict(zip(NAMES, row, strict=True)), "city": city}
                 for row, city in zip(X.tolist(), texts(rows), strict=True)]  # fmt: skip
    return Sample(
        post("/a/v1/models/m%C3%A9:predict", None, as_json({"instances": instances})),
        (*(Tensor(name, X[:, i]) for i, name in enumerate(NAMES)), Tensor("city", texts(rows))),
        answer({"predictions": [{"p": p, "q": -p} for p in X[:, 0].tolist()]}),
        (Tensor("predictions", X[:, [0]] * [1, -1], ("p", "q")),),
    )


def tensorflow_columns(rows: int) -> Sample:
    X = numbers(rows)
    return Sample(
        post(
            "/v1/models/iris/versions/3:predict",
            "application/x-www-form-urlencoded",
            as_json({"signature_name": "s", "inputs": {NAMES[0]: X.tolist(), "n": counts(rows).tolist()}}),
        ),
        (Tensor(NAMES[0], X), Tensor("n", counts(rows))),
        answer({"outputs": {"p": X.tolist(), "class": texts(rows).tolist()}}),
        (Tensor("p", X), Tensor("class", texts(rows))),
    )


# -- V2 ----------------------------------------------------------------------------------------------


def v2_json(rows: int) -> Sample:
    X = numbers(rows)
    flags = counts(rows) % 2 == 0
    inputs: list[dict[str, Any]] = [
        {"name": NAMES[0], "shape": [rows, 2], "datatype": "FP64", "data": X.ravel().tolist()},
        {"name": "half", "shape": [rows, 2], "datatype": "FP16", "data": X.tolist()},
        {"name": "n", "shape": [rows], "datatype": "INT32", "data": counts(rows).tolist()},
        {"name": "flag", "shape": [rows, 1], "datatype": "BOOL", "data": flags.tolist()},
        {"name": "city", "shape": [rows], "datatype": "BYTES", "data": texts(rows).tolist()},
    ]
    return Sample(
        post(
            "/v2/models/iris/versions/2/infer", "application/json", as_json({"id": "7", "inputs": inputs})
        ),
        (
            Tensor(NAMES[0], X),
            Tensor("half", X.astype(np.float16)),
            Tensor("n", counts(rows).astype(np.int32)),
            Tensor("flag", flags[:, np.newaxis]),
            Tensor("city", texts(rows)),
        ),
        answer({"model_name": "iris", "model_version": "2", "outputs": inputs[:1]}),
        (Tensor(NAMES[0], X),),
    )  # fmt: skip


def v2_binary(rows: int) -> Sample:
    X, names = numbers(rows).astype(np.float32), [city or "" for city in texts(rows)]
    blobs = [
        X.astype("<f4").tobytes(),
        b"".join(struct.pack("<I", len(city.encode())) + city.encode() for city in names),
        X.astype("<f2").tobytes(),
    ]
    parts: list[dict[str, Any]] = [
        {"name": NAMES[0], "shape": [rows, 2], "datatype": "FP32"},
        {"name": "city", "shape": [rows], "datatype": "BYTES"},
        {"name": "half", "shape": [rows, 2], "datatype": "FP16"},
    ]
    for part, blob in zip(parts, blobs, strict=True):
        part["parameters"] = {"binary_data_size": len(blob)}
    parts.insert(1, {"name": "n", "shape": [rows], "datatype": "INT64", "data": counts(rows).tolist()})
    tensors = (
        Tensor(NAMES[0], X),
        Tensor("n", counts(rows)),
        Tensor("city", np.array(names, dtype=object)),
        Tensor("half", X.astype(np.float16)),
    )
    asked, said = as_json({"inputs": parts}), as_json({"model_name": "iris", "outputs": parts})
    length = b"Inference-Header-Content-Length"
    media = "application/octet-stream"
    return Sample(
        post("/v2/models/iris/infer", media, asked + b"".join(blobs), (length, b"%d" % len(asked))),
        tensors,
        Reply(200, headers(media, (length, b"%d" % len(said))), said + b"".join(blobs)),
        tensors,
    )


# -- MLflow ------------------------------------------------------------------------------------------


def mlflow_split(rows: int) -> Sample:
    X = numbers(rows)
    frame = {"columns": list(NAMES), "index": list(range(rows)), "data": X.tolist()}
    return Sample(
        post("/invocations", "application/json", as_json({"dataframe_split": frame, "params": {"k": 1}})),
        (Tensor("dataframe_split", X, NAMES),),
        answer({"predictions": counts(rows).tolist()}),
        (Tensor("predictions", counts(rows)),),
    )


def mlflow_records(rows: int) -> Sample:
    X, flags = numbers(rows), counts(rows) % 2 == 0
    records = [
        dict(zip((*NAMES, "flag"), (*row, flag), strict=True))
        for row, flag in zip(X.tolist(), flags.tolist(), strict=True)
    ]
    return Sample(
        post("/invocations", "application/json; charset=utf-8", as_json({"dataframe_records": records})),
        (*(Tensor(name, X[:, i]) for i, name in enumerate(NAMES)), Tensor("flag", flags)),
        answer({"predictions": [{"p": p} for p in X[:, 0].tolist()]}),
        (Tensor("predictions", X[:, :1], ("p",)),),
    )


def mlflow_instances(rows: int) -> Sample:
    images = np.arange(rows * 12, dtype=np.int64).reshape(rows, 2, 3, 2)
    return Sample(
        post("/invocations", "application/json", as_json({"instances": images.tolist()})),
        (Tensor("instances", images),),
        answer(counts(rows).tolist()),
        (Tensor("predictions", counts(rows)),),
    )


def mlflow_inputs(rows: int) -> Sample:
    X = numbers(rows)
    return Sample(
        post("/invocations", "application/json", as_json({"inputs": {NAMES[0]: X.tolist()}})),
        (Tensor(NAMES[0], X),),
        answer({"predictions": {"p": X[:, 0].tolist()}}),
        (Tensor("p", X[:, 0]),),
    )


def mlflow_csv(rows: int) -> Sample:
    made = csv_mixed(rows)
    return Sample(
        post("/invocations", "text/csv", made.request.body),
        made.asked,
        answer({"predictions": counts(rows).tolist()}),
        (Tensor("predictions", counts(rows)),),
    )


# -- by media type -----------------------------------------------------------------------------------


def csv_mixed(rows: int) -> Sample:
    X, cities = numbers(rows), texts(rows)
    lines = [f"{NAMES[0]},n,city,ok"]
    for x, n, city in zip(X[:, 0].tolist(), counts(rows).tolist(), cities, strict=True):
        quoted = "" if city is None else f'"{city}"'
        lines.append(f"{x!r},{n},{quoted},{'true' if x > 0 else 'false'}")
    body = ("\r\n".join(lines) + "\r\n").encode()
    return Sample(
        post("/score", "text/csv; charset=utf-8", body),
        (
            Tensor(NAMES[0], X[:, 0]),
            Tensor("n", counts(rows)),
            Tensor("city", cities),
            Tensor("ok", X[:, 0] > 0),
        ),
        Reply(200, headers("text/csv"), b"n,p\n" + b"".join(b"%d,0.5\n" % n for n in counts(rows))),
        (Tensor("csv", np.stack((counts(rows), np.full(rows, 0.5)), axis=1), ("n", "p")),),
    )


def npy(rows: int) -> Sample:
    X = numbers(rows).astype(np.float32)
    return Sample(
        post("/score", "application/x-npy", saved(X)),
        (Tensor("npy", X),),
        Reply(200, headers("application/octet-stream"), saved(counts(rows)[:, np.newaxis])),
        (Tensor("npy", counts(rows)[:, np.newaxis]),),
    )


def saved(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def png(rows: int) -> Sample:
    pixels = np.random.default_rng(1).integers(0, 256, size=(5, 4, 3), dtype=np.uint8)
    return Sample(
        post("/score", "image/png", drawn(pixels, "PNG")),
        (Tensor("image", pixels[np.newaxis]),),
        answer({"class": "Äpfel", "p": 0.5}),
        (Tensor("class", np.array(["Äpfel"], dtype=object)), Tensor("p", np.array([0.5]))),
    )


def jpeg(rows: int) -> Sample:
    # A flat grey survives JPEG exactly, so what comes out can be asserted without a decoder beside it.
    pixels = np.full((8, 8), 128, dtype=np.uint8)
    return Sample(
        post("/score", "image/jpeg", drawn(pixels, "JPEG")),
        (Tensor("image", pixels[np.newaxis]),),
        answer([0.25]),
        (Tensor("data", np.array([[0.25]])),),
    )


def drawn(pixels: np.ndarray, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def plain_object(rows: int) -> Sample:
    return Sample(
        post(
            "/predict?debug=1", "application/json", as_json({NAMES[0]: 1.5, "a": {"b": {"c": 2}, "d": True}})
        ),
        (Tensor(NAMES[0], np.array([1.5])), Tensor("a.b.c", np.array([2])), Tensor("a.d", np.array([True]))),
        answer([0.1, 0.9]),
        (Tensor("data", np.array([[0.1, 0.9]])),),
    )


def plain_objects(rows: int) -> Sample:
    X = numbers(rows)
    return Sample(
        post(
            "/predict",
            "application/vnd.acme+json",
            as_json([dict(zip(NAMES, row, strict=True)) for row in X.tolist()]),
        ),
        (Tensor("data", X, NAMES),),
        answer([{"p": row} for row in X.tolist()]),
        (Tensor("p", X),),
    )


def plain_lists(rows: int) -> Sample:
    X = numbers(rows)
    return Sample(
        post("/predict", "application/json", as_json(X.tolist())),
        (Tensor("data", X),),
        answer(X.tolist()),
        (Tensor("data", X),),
    )


FORMS = (
    Form("v1-lists", "v1", v1_lists),
    Form("v1-objects", "v1", v1_objects),
    Form("tensorflow-columns", "v1", tensorflow_columns),
    Form("v2-json", "v2", v2_json),
    Form("v2-binary", "v2", v2_binary),
    Form("mlflow-split", "mlflow", mlflow_split),
    Form("mlflow-records", "mlflow", mlflow_records),
    Form("mlflow-instances", "mlflow", mlflow_instances),
    Form("mlflow-inputs", "mlflow", mlflow_inputs),
    Form("mlflow-csv", "mlflow", mlflow_csv, ends=False),
    Form("csv", "csv", csv_mixed, ends=False),
    Form("npy", "npy", npy),
    Form("png", "image", png, many=False),
    Form("jpeg", "image", jpeg, many=False),
    Form("plain-object", "plain", plain_object, many=False),
    Form("plain-objects", "plain", plain_objects),
    Form("plain-lists", "plain", plain_lists),
)
