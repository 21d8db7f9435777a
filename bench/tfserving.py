"""Does a server of TensorFlow Serving's protocol answer the same through the sidecar, and is it scored?

    python -m bench.tfserving      # the first run installs TensorFlow into ~/.cache/sidecar-bench

TensorFlow Serving's own server is not on PyPI, only what its protocol is generated into, the package
`tensorflow-serving-api`. So the server is ours, with those stubs and a model that TensorFlow runs; the client
is the real one, too. It asks directly and through the sidecar, with typed values and with `tensor_content`,
until that has learned what rows are like; then an odd row must be told by its facts in the metadata.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.rig.installs import Missing, environment
from bench.rig.processes import stops_on_signals
from bench.services import listens
from examples import launch
from examples.processes import Process, free_port

SERVER = """
import sys
from concurrent.futures import ThreadPoolExecutor
import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

@tf.function(input_signature=[tf.TensorSpec([None, 5], tf.float64)])
def model(x):
    return tf.reduce_sum(x, axis=1)

class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
    def Predict(self, request, context):
        if request.model_spec.name != "sum":
            context.abort(grpc.StatusCode.NOT_FOUND, f"Servable not found: {request.model_spec.name}")
        answer = predict_pb2.PredictResponse(model_spec=request.model_spec)
        answer.outputs["sum"].CopyFrom(tf.make_tensor_proto(model(tf.make_ndarray(request.inputs["x"]))))
        return answer

server = grpc.server(ThreadPoolExecutor(4))
prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Service(), server)
server.add_insecure_port("127.0.0.1:" + sys.argv[1])
server.start()
server.wait_for_termination()
"""

CLIENT = """
import json, sys
import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

def ask(stub, rows, typed=False, name="sum"):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = name
    if typed:
        request.inputs["x"].CopyFrom(tf.make_tensor_proto(0.0, shape=[1, 5], dtype=tf.float64))
        del request.inputs["x"].double_val[:]
        request.inputs["x"].tensor_shape.dim[0].size = len(rows)
        request.inputs["x"].double_val.extend(rows.ravel().tolist())
    else:
        request.inputs["x"].CopyFrom(tf.make_tensor_proto(rows))
    answer, call = stub.Predict.with_call(request, timeout=20)
    return tf.make_ndarray(answer.outputs["sum"]).tolist(), dict(call.initial_metadata())

dice = np.random.default_rng(1)
rows = dice.normal(size=(8, 5))
channels = [grpc.insecure_channel(address) for address in sys.argv[1:]]
direct, through = [prediction_service_pb2_grpc.PredictionServiceStub(one) for one in channels]
told = {"answers": [ask(stub, rows, typed)[0] for stub in (direct, through) for typed in (False, True)]}
told["expected"] = rows.sum(axis=1).tolist()
told["errors"] = []
for stub in (direct, through):
    try:
        ask(stub, rows, name="none")
    except grpc.RpcError as error:
        told["errors"].append([error.code().name, error.details()])
for _ in range(3000):
    if not ask(through, dice.normal(size=(4, 5)))[1]["x-anomaly-verdict"].startswith("learning"):
        break
told["odd"] = ask(through, np.full((1, 5), 40.0))[1]["x-anomaly-verdict"]
told["usual"] = ask(through, np.full((1, 5), 0.1))[1]["x-anomaly-verdict"]
print(json.dumps(told))
"""


def compare(interpreter: str, server: int, through: int) -> bool:
    command = [interpreter, "-W", "ignore", "-c", CLIENT, f"127.0.0.1:{server}", f"127.0.0.1:{through}"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if run.returncode:
        raise SystemExit(run.stderr)
    told = json.loads(run.stdout.splitlines()[-1])
    near = [abs(a - b) < 1e-9 for one in told["answers"] for a, b in zip(one, told["expected"], strict=True)]
    same = all(near) and told["errors"][0] == told["errors"][1]
    print(f"four ways to ask, {'one answer' if same else f'different answers: {told}'}")
    print(f"an error passes as {told['errors'][1]}; a usual row: {told['usual']}; an odd row: {told['odd']}")
    return same and told["odd"] == "outlier" and told["usual"] == "normal"


def main() -> int:
    server, through = free_port(), free_port()
    try:
        interpreter = str(environment("tfserving") / "bin" / "python")
    except Missing as missing:
        print(missing, file=sys.stderr)
        return 2
    with (
        stops_on_signals(),
        tempfile.TemporaryDirectory(prefix="sidecar-tfserving-") as place,
        Process("server", [interpreter, "-c", SERVER, str(server)], Path(place)) as process,
    ):
        process.wait_until(lambda: listens(server), 120)
        flags = ["--grpc-listen", f"127.0.0.1:{through}", "--grpc-upstream", f"http://127.0.0.1:{server}"]
        flags += ["--learn-rows", "300", "--threshold", "0.02"]
        with launch.sidecar("http://127.0.0.1:9", Path(place), flags):
            done = compare(interpreter, server, through)
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
