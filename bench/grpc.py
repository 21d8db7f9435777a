"""What does sidecar add to a gRPC call, beside Envoy? And do large, many and cancelled calls come through?

    python -m bench.grpc [--rounds 15] [--calls 400] [--only latency|streams|tensors|ends]

A grpcio server that answers ModelInfer with fixed bytes, callers of grpcio on one connection, everything on
loopback. Latency is measured round by round, each with the server itself, Envoy and the sidecars in turn, so
that whatever else the machine does falls on all alike: what counts is a proxy's p50 less the server's own p50
of the same round. The scoring sidecar has ECOD on 30 features, windows, traces of 1 %.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import psutil
from tritonclient.grpc import service_pb2 as pb

from bench.rig import installs
from bench.rig.peers import fill
from bench.rig.processes import stops_on_signals
from examples.processes import Process, free_port, python

METHOD = "/inference.GRPCInferenceService/ModelInfer"
FEATURES = 30
ANY_SIZE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
TARGET = 1.5
"""Of Envoy's added p50, with scoring."""


def request(rows: int = 1, *, raw: bool = False, seed: int = 0) -> bytes:
    """A ModelInferRequest of rows from the middle of what the baseline was fitted on."""
    dice = random.Random(seed)
    values = [dice.gauss(0, 0.5) for _ in range(rows * FEATURES)]
    tensor = pb.ModelInferRequest.InferInputTensor(name="x", datatype="FP64", shape=[rows, FEATURES])
    message = pb.ModelInferRequest(model_name="m", inputs=[tensor])
    if raw:
        import numpy as np

        message.raw_input_contents.append(np.array(values).tobytes())
    else:
        message.inputs[0].contents.fp64_contents.extend(values)
    return message.SerializeToString()


def answer() -> bytes:
    output = pb.ModelInferResponse.InferOutputTensor(name="y", datatype="FP64", shape=[1])
    output.contents.fp64_contents.append(0.5)
    return pb.ModelInferResponse(model_name="m", outputs=[output]).SerializeToString()


# -- the server ------------------------------------------------------------------------------------


class Model(grpc.GenericRpcHandler):
    """Answers with fixed bytes, echoes what is large, streams, waits."""

    def __init__(self) -> None:
        self._answer = answer()
        self.cancelled = 0
        self.remaining = 0.0

    def service(self, call):
        name = call.method.rpartition("/")[2]
        if name == "ModelInfer":
            return grpc.unary_unary_rpc_method_handler(lambda body, _: self._answer)
        if name == "Echo":
            return grpc.unary_unary_rpc_method_handler(lambda body, _: body)
        if name == "Chat":
            return grpc.stream_stream_rpc_method_handler(lambda asked, _: asked)
        if name == "Wait":
            return grpc.unary_unary_rpc_method_handler(self._wait)
        if name == "Told":
            said = lambda body, _: json.dumps([self.cancelled, self.remaining]).encode()  # noqa: E731
            return grpc.unary_unary_rpc_method_handler(said)
        return None

    def _wait(self, body, context):
        self.remaining = context.time_remaining()
        over = threading.Event()
        context.add_callback(over.set)
        over.wait(30)
        self.cancelled += 1
        return body


def serve(port: int) -> None:
    server = grpc.server(ThreadPoolExecutor(64), handlers=(Model(),), options=ANY_SIZE)
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


# -- the stage -------------------------------------------------------------------------------------


@contextlib.contextmanager
def stage(directory: Path) -> Iterator[dict[str, int]]:
    """The ports of everything that is compared, and the pid of each sidecar's data plane under `pid NAME`."""
    with contextlib.ExitStack() as ends:
        model, envoy = free_port(), free_port()
        _start(ends, directory, "model", python("bench.grpc", "--serve", str(model)), model)
        config = fill("envoy-grpc.yaml", directory / "envoy.yaml", PORT=envoy, UPSTREAM=model)
        command = [
            installs.envoy(),
            "-c",
            str(config),
            "--concurrency",
            "1",
            "--disable-hot-restart",
            "-l",
            "warn",
        ]
        _start(ends, directory, "envoy", command, envoy)
        ports = {"direct": model, "envoy": envoy}
        baseline = _fitted(directory)
        for name, flags in {
            "pass-through": ("--max-scored-bytes", "0", "--trace-ratio", "0"),
            "scoring": ("--baseline", str(baseline), "--score-deadline", "10"),
        }.items():
            port = free_port()
            arguments = ["run", "--upstream", "http://127.0.0.1:9", "--listen", f"127.0.0.1:{free_port()}"]
            arguments += ["--admin", f"127.0.0.1:{free_port()}", "--grpc-listen", f"127.0.0.1:{port}"]
            arguments += ["--grpc-upstream", f"http://127.0.0.1:{model}", *flags]
            process = _start(ends, directory, name, python("sidecar.cli", *arguments), port)
            ports[name] = port
            ports[f"pid {name}"] = process.pid
        yield ports


def _start(ends, directory: Path, name: str, command: list[str], port: int) -> Process:
    process = ends.enter_context(
        Process(name, command, directory, {"PYTHONPATH": os.environ.get("PYTHONPATH", "")})
    )
    process.wait_until(lambda: _answers(port))
    return process


def _answers(port: int) -> bool:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            channel.unary_unary(METHOD)(request(), timeout=1)
        except grpc.RpcError:
            return False
        return True


def _fitted(directory: Path) -> Path:
    dice = random.Random(1)
    lines = [",".join(f"f{i}" for i in range(FEATURES))]
    lines += [",".join(f"{dice.gauss(0, 1):.6f}" for _ in range(FEATURES)) for _ in range(2000)]
    data, out = directory / "reference.csv", directory / "baseline"
    data.write_text("\n".join(lines))
    arguments = ["fit", "--data", str(data), "--out", str(out), "--detectors", "ecod"]
    with Process("fit", python("sidecar.cli", *arguments), directory) as process:
        if process.wait(120):
            raise SystemExit(process.last_words())
    return out


def channel(port: int) -> grpc.Channel:
    return grpc.insecure_channel(f"127.0.0.1:{port}", [*ANY_SIZE, ("grpc.use_local_subchannel_pool", 1)])


# -- what is measured --------------------------------------------------------------------------------


def latency(ports: dict[str, int], rounds: int, calls: int) -> bool:
    """Added p50, beside Envoy's. Whether the promise is kept."""
    names = [name for name in ports if not name.startswith("pid")]
    bodies = [request(seed=i) for i in range(64)]
    channels = {name: channel(ports[name]) for name in names}
    ask = {name: one.unary_unary(METHOD) for name, one in channels.items()}
    verdicts = {name: dict(ask[name].with_call(bodies[0])[1].initial_metadata()) for name in names}
    assert verdicts["scoring"]["x-anomaly-verdict"] == "normal", verdicts["scoring"]
    taken: dict[str, list[float]] = {name: [] for name in names}
    tails: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        for name in random.sample(names, len(names)):
            times = []
            for i in range(calls):
                body = bodies[i % len(bodies)]
                begun = time.perf_counter()
                ask[name](body)
                times.append(time.perf_counter() - begun)
            times.sort()
            taken[name].append(times[len(times) // 2])
            tails[name].append(times[int(len(times) * 0.99)])
        print(f"round {turn + 1} of {rounds}", file=sys.stderr)
    added = {name: _added(taken[name], taken["direct"]) for name in names}
    print("| | p50 us | added p50 us | of Envoy's | added p99 us |\n| --- | --- | --- | --- | --- |")
    for name in names:
        share = f"{added[name] / added['envoy']:.2f}" if name != "direct" else ""
        tail = _added(tails[name], tails["direct"])
        p50 = statistics.median(taken[name]) * 1e6
        print(f"| {name} | {p50:.0f} | {added[name]:.0f} | {share} | {tail:.0f} |")
    for name in ("pass-through", "scoring"):
        planes = psutil.Process(ports[f"pid {name}"]).children(recursive=True)
        sizes = sorted(round(one.memory_info().rss / 2**20) for one in planes)
        print(f"memory of the processes of {name}: {sizes} MB")
    for one in channels.values():
        one.close()
    return added["scoring"] <= TARGET * added["envoy"]


def _added(proxy: list[float], direct: list[float]) -> float:
    return statistics.median((a - b) * 1e6 for a, b in zip(proxy, direct, strict=True))


def streams(ports: dict[str, int], count: int = 1000) -> bool:
    """So many streams at once on one connection, three messages each, in order and none mixed up."""
    done = True
    for name in ("direct", "envoy", "scoring"):
        with channel(ports[name]) as one:
            chat = one.stream_stream("/bench.Bench/Chat")
            begun = time.perf_counter()
            sent = [[b"%d.%d" % (i, j) for j in range(3)] for i in range(count)]
            calls = [chat(iter(messages), timeout=120) for messages in sent]
            told = [list(call) for call in calls]
            took = time.perf_counter() - begun
            done &= told == sent
            print(
                f"{count} streams at once, {name}: {took:.2f} s, {'all right' if told == sent else 'WRONG'}"
            )
    return done


def tensors(ports: dict[str, int], megabytes: int = 100) -> bool:
    """A message of so many megabytes each way."""
    done = True
    big = os.urandom(1 << 20) * megabytes
    for name in ("direct", "envoy", "scoring"):
        with channel(ports[name]) as one:
            times = []
            for _ in range(3):
                begun = time.perf_counter()
                done &= one.unary_unary("/bench.Bench/Echo")(big, timeout=120) == big
                times.append(time.perf_counter() - begun)
            print(f"{megabytes} MB there and back, {name}: {min(times):.2f} s at best of 3")
    planes = psutil.Process(ports["pid scoring"]).children(recursive=True)
    print("memory afterwards:", sorted(round(one.memory_info().rss / 2**20) for one in planes), "MB")
    return done


def ends(ports: dict[str, int]) -> bool:
    """Whether cancelling reaches the server, and with which deadline it was asked."""
    done = True
    for name in ("direct", "envoy", "scoring"):
        with channel(ports[name]) as one:
            told = one.unary_unary("/bench.Bench/Told")
            before = json.loads(told(b""))[0]
            waiting = one.unary_unary("/bench.Bench/Wait").future(b"", timeout=20)
            time.sleep(0.3)
            begun = time.perf_counter()
            waiting.cancel()
            while json.loads(told(b""))[0] == before and time.perf_counter() - begun < 5:
                pass
            took, remaining = time.perf_counter() - begun, json.loads(told(b""))[1]
            begun = time.perf_counter()
            with contextlib.suppress(grpc.RpcError):
                one.unary_unary("/bench.Bench/Wait")(b"", timeout=0.5)
            kept = time.perf_counter() - begun
            done &= took < 1 and 19 < remaining <= 20.2 and kept < 0.7
            print(
                f"{name}: the server knew of the end {took * 1e3:.1f} ms after it was cancelled;"
                f" it was given {remaining:.3f} of 20 s; a deadline of 0.5 s took {kept:.3f} s"
            )
    return done


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=400, help="of each round, for each target")
    parser.add_argument("--only", choices=["latency", "streams", "tensors", "ends"], default=None)
    parser.add_argument("--serve", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
        return 0
    wanted = {
        "latency": lambda ports: latency(ports, arguments.rounds, arguments.calls),
        "streams": streams,
        "tensors": tensors,
        "ends": ends,
    }
    with (
        stops_on_signals(),
        tempfile.TemporaryDirectory(prefix="sidecar-grpc-") as directory,
        stage(Path(directory)) as ports,
    ):
        kept = [work(ports) for name, work in wanted.items() if arguments.only in (None, name)]
    print("all promises kept" if all(kept) else "a promise is not kept")
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
