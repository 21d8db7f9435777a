"""Does a server of KServe's own SDK answer the same through the sidecar, over gRPC and over REST?

    python -m bench.kserve            # the first run installs kserve into ~/.cache/sidecar-bench

A model of the SDK that adds up rows is asked by `tritonclient` over both protocols, with and without the
sidecar, until that has learned what rows are like; then an odd row must be told by its facts in the metadata.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import grpc
import numpy as np
import tritonclient.grpc as over_grpc
import tritonclient.http as over_http
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc

from bench.rig.installs import Missing, environment
from bench.rig.processes import stops_on_signals
from examples import launch
from examples.processes import Process, free_port

MODEL = """
import sys
from kserve import InferOutput, InferResponse, Model, ModelServer

class Sum(Model):
    def __init__(self):
        super().__init__("sum")
        self.ready = True

    async def predict(self, payload, headers=None, response_headers=None):
        sums = payload.inputs[0].as_numpy().sum(axis=1).astype("float64")
        output = InferOutput(name="sum", shape=[len(sums)], datatype="FP64")
        output.set_data_from_numpy(sums, binary_data=False)
        return InferResponse(response_id=payload.id or "1", model_name="sum", infer_outputs=[output])

ModelServer(http_port=int(sys.argv[1]), grpc_port=int(sys.argv[2]), workers=1).start([Sum()])
"""


def inputs(client, rows: np.ndarray) -> list:
    tensor = client.InferInput("x", list(rows.shape), "FP64")
    tensor.set_data_from_numpy(rows)
    return [tensor]


def rest(address: str, rows: np.ndarray) -> list[float]:
    with over_http.InferenceServerClient(address) as client:
        return client.infer("sum", inputs(over_http, rows), request_id="1").as_numpy("sum").tolist()


def ask(address: str, rows: np.ndarray) -> tuple[list[float], dict[str, str]]:
    """The answer over gRPC, and the metadata it came with."""
    (tensor,) = inputs(over_grpc, rows)
    message = pb.ModelInferRequest(
        model_name="sum", id="1", inputs=[tensor._get_tensor()], raw_input_contents=[tensor._get_content()]
    )
    with grpc.insecure_channel(address) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        assert stub.ModelReady(pb.ModelReadyRequest(name="sum")).ready
        answer, call = stub.ModelInfer.with_call(message, timeout=10)
    return list(answer.outputs[0].contents.fp64_contents), dict(call.initial_metadata())


def compare(http: str, calls: str, sidecar: launch.Server, through: str) -> bool:
    dice = np.random.default_rng(1)
    rows = dice.normal(size=(8, 5))
    answers = [ask(calls, rows)[0], ask(through, rows)[0], rest(http, rows)]
    answers.append(rest(sidecar.url.removeprefix("http://"), rows))
    same = all(np.allclose(one, rows.sum(axis=1), atol=0, rtol=1e-15) for one in answers)
    print(f"four ways to ask, {'one answer' if same else f'different answers: {answers}'}")
    sidecar.process.wait_until(
        lambda: not ask(through, dice.normal(size=(4, 5)))[1]["x-anomaly-verdict"].startswith("learning"), 60
    )
    facts = ask(through, np.full((1, 5), 40.0))[1]
    print(f"an odd row: {facts['x-anomaly-verdict']}, {facts.get('x-anomaly-score')}")
    return same and facts["x-anomaly-verdict"] == "outlier"


def main() -> int:
    http, calls, through = free_port(), free_port(), free_port()
    try:
        interpreter = environment("kserve") / "bin" / "python"
    except Missing as missing:
        print(missing, file=sys.stderr)
        return 2
    with stops_on_signals(), tempfile.TemporaryDirectory(prefix="sidecar-kserve-") as place:
        command = [str(interpreter), "-c", MODEL, str(http), str(calls)]
        with Process("kserve", command, Path(place)) as process:
            process.wait_for(f"http://127.0.0.1:{http}/v2/health/ready", 60)
            flags = ["--grpc-listen", f"127.0.0.1:{through}", "--grpc-upstream", f"http://127.0.0.1:{calls}"]
            flags += ["--learn-rows", "300", "--threshold", "0.02"]
            with launch.sidecar(f"http://127.0.0.1:{http}", Path(place), flags) as sidecar:
                done = compare(f"127.0.0.1:{http}", f"127.0.0.1:{calls}", sidecar, f"127.0.0.1:{through}")
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
