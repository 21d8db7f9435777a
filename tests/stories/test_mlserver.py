"""A real third-party server, MLServer with its scikit-learn runtime, behind a sidecar.

MLServer's pins clash with ours, so it lives in an environment of its own: the one that SIDECAR_TEST_MLSERVER
names, or `.venv-mlserver` in the checkout, which `scripts/test` makes.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException

from examples.flight import Flight
from examples.launch import Server
from examples.processes import ROOT, Process, free_port
from examples.traffic import Answer, Caller

TRAIN = """
import joblib, numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import RobustScaler
with np.load("train.npz") as data:
    model = make_pipeline(RobustScaler(), LogisticRegression()).fit(data["X"], data["y"])
joblib.dump(model, "model.joblib")
"""
"""MLServer's runtime reads joblib files, so its own interpreter trains the model and writes one."""

INFER = "/v2/models/radiator/infer"
PER_CALL = {"date", "ce-id", "ce-requestid"}
"""Header fields that MLServer makes anew for every call."""

OURS = ("x-anomaly-", "x-drift-", "x-policy-", "x-request-id", "traceresponse")


@pytest.fixture(scope="module")
def environment() -> Path:
    place = Path(os.environ.get("SIDECAR_TEST_MLSERVER", ROOT / ".venv-mlserver"))
    if not (place / "bin" / "mlserver").exists():
        message = (
            f"no MLServer in {place}: run scripts/test, or\n"
            "python3.11 -m venv .venv-mlserver && .venv-mlserver/bin/pip install -r requirements/mlserver.txt"
        )
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return place


@pytest.fixture(scope="module")
def grpc_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def mlserver(
    environment: Path, flight: Flight, grpc_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("mlserver")
    model = home / "radiator"
    model.mkdir()
    np.savez(model / "train.npz", X=flight.train, y=flight.train_labels)
    subprocess.run([environment / "bin" / "python", "-c", TRAIN], cwd=model, check=True, timeout=60)
    (model / "model-settings.json").write_text(
        json.dumps(
            {
                "name": "radiator",
                "implementation": "mlserver_sklearn.SKLearnModel",
                "parameters": {"uri": "./model.joblib", "version": "v1"},
            }
        )
    )
    http, metrics = free_port(), free_port()
    settings = {"host": "127.0.0.1", "http_port": http, "grpc_port": grpc_port, "metrics_port": metrics}
    # With uvloop 0.23 its parallel workers die at start; without them it serves from its own process.
    (home / "settings.json").write_text(json.dumps(settings | {"parallel_workers": 0, "debug": False}))
    command = [str(environment / "bin" / "mlserver"), "start", str(home)]
    with Process("mlserver", command, home) as process:
        process.wait_for(f"http://127.0.0.1:{http}/v2/models/radiator/ready", 60)
        yield Server(process, f"http://127.0.0.1:{http}")


@pytest.fixture
def sidecar(mlserver: Server, baseline: Path, start_sidecar) -> Server:
    return start_sidecar(mlserver.url, "--baseline", str(baseline))


@pytest.mark.parametrize("rows", [1, 2, 64])
@pytest.mark.parametrize("output", ["predict", "predict_proba"])
def test_the_answer_is_the_same_with_and_without_the_sidecar(
    mlserver: Server, sidecar: Server, flight: Flight, rows: int, output: str
) -> None:
    body = _infer(flight.clean[:rows], output)
    direct, through = _ask(mlserver, body), _ask(sidecar, body)

    assert direct.status == through.status == 200
    assert through.body == direct.body
    assert _theirs(through) == _theirs(direct)
    assert through.verdict in ("normal", "outlier")
    assert through.score is not None
    assert "x-anomaly-detail" in through.headers
    assert through.drift == "stable"
    assert through.headers["x-request-id"]


def test_the_servers_own_errors_and_pages_come_through(mlserver: Server, sidecar: Server) -> None:
    for path, body in [(INFER, b"{"), (INFER, b'{"inputs": []}'), ("/v2/models/unknown/infer", b"{}")]:
        direct, through = _ask(mlserver, body, path), _ask(sidecar, body, path)
        assert (through.status, through.body) == (direct.status, direct.body)
        assert direct.status >= 400
        assert through.verdict == "unscored"


def test_states_unknown_to_the_model_score_higher_than_ordinary_ones(sidecar: Server, flight: Flight) -> None:
    clean = [_ask(sidecar, _infer(row[None])).score or 0.0 for row in flight.clean[:60]]
    odd = [_ask(sidecar, _infer(row[None])).score or 0.0 for row in flight.outliers[:60]]

    assert np.median(clean) < 0.9
    assert np.median(odd) > 0.99


def test_a_batch_names_its_odd_rows(sidecar: Server, flight: Flight) -> None:
    alone = [_ask(sidecar, _infer(row[None])).verdict for row in flight.outliers[:20]]
    caught = flight.outliers[alone.index("outlier")]
    batch = flight.clean[:10].copy()
    batch[7] = caught
    answer = _ask(sidecar, _infer(batch))

    assert answer.verdict == "outlier"
    assert "7" in answer.headers["x-anomaly-rows"].strip("()").split()


def test_grpc_gives_the_same_answers_and_scores_as_http(
    mlserver: Server, grpc_port: int, baseline: Path, start_sidecar, flight: Flight
) -> None:
    through = free_port()
    flags = ("--grpc-listen", f"127.0.0.1:{through}", "--grpc-upstream", f"http://127.0.0.1:{grpc_port}")
    sidecar = start_sidecar(mlserver.url, "--baseline", str(baseline), *flags)
    rows = np.concatenate([flight.clean[:6], flight.outliers[:2]])
    with (
        triton_grpc.InferenceServerClient(f"127.0.0.1:{grpc_port}") as direct,
        triton_grpc.InferenceServerClient(f"127.0.0.1:{through}") as client,
        triton_http.InferenceServerClient(sidecar.url.removeprefix("http://")) as over_http,
    ):
        assert client.is_server_ready()
        assert client.get_model_metadata("radiator") == direct.get_model_metadata("radiator")
        answers = [_tensors(one, triton_grpc, rows) for one in (direct, client)]
        answers.append(_tensors(over_http, triton_http, rows))
        assert answers[0].tolist() == answers[1].tolist() == answers[2].tolist()
        with pytest.raises(InferenceServerException, match="unknown"):
            client.infer("unknown", _inputs(triton_grpc, rows))

    # The facts stand in the metadata, which this client keeps to itself.
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with grpc.insecure_channel(f"127.0.0.1:{through}") as channel:
        ask = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer
        _, call = ask.with_call(_message(rows), metadata=(("traceparent", trace), ("x-request-id", "r-1")))
    facts = dict(call.initial_metadata())
    spoken = _ask(sidecar, _infer(rows)).headers
    for name in ("x-anomaly-score", "x-anomaly-verdict", "x-anomaly-detail", "x-anomaly-rows"):
        assert facts[name] == spoken[name], name
    assert facts["traceresponse"].startswith(trace[:36])
    assert facts["x-request-id"] == "r-1"


def _inputs(client: ModuleType, rows: np.ndarray) -> list:
    tensor = client.InferInput("input", list(rows.shape), "FP64")
    plain = {"binary_data": False} if client is triton_http else {}  # MLServer's REST takes no binary tensors
    tensor.set_data_from_numpy(rows.astype(np.float64), **plain)
    return [tensor]


def _message(rows: np.ndarray) -> service_pb2.ModelInferRequest:
    (tensor,) = _inputs(triton_grpc, rows)
    return service_pb2.ModelInferRequest(
        model_name="radiator", inputs=[tensor._get_tensor()], raw_input_contents=[tensor._get_content()]
    )


def _tensors(asked, client: ModuleType, rows: np.ndarray) -> np.ndarray:
    output = client.InferRequestedOutput(
        "predict", **({"binary_data": False} if client is triton_http else {})
    )
    return asked.infer("radiator", _inputs(client, rows), outputs=[output]).as_numpy("predict")


def _infer(rows: np.ndarray, output: str = "predict") -> bytes:
    tensor = {"name": "input", "shape": list(rows.shape), "datatype": "FP64", "data": rows.ravel().tolist()}
    return json.dumps({"id": "call-1", "inputs": [tensor], "outputs": [{"name": output}]}).encode()


def _ask(server: Server, body: bytes, path: str = INFER) -> Answer:
    with Caller(server.url) as caller:
        return caller.post(path, body)


def _theirs(answer: Answer) -> dict[str, str]:
    """The header fields that must not differ: all but those made anew for every call, and ours."""
    return {k: v for k, v in answer.headers.items() if k not in PER_CALL and not k.startswith(OURS)}
