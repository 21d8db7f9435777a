"""Do gRPC's own services, reflection and health, say the same through the sidecar, with and without TLS?

    python -m bench.services          # the first run installs grpcio-reflection into ~/.cache/sidecar-bench

A server with the reflection and health services of the gRPC project is asked by that project's clients: which
services there are, what each is described by, whether it is healthy, and to be told when that changes. Asked
with and without the sidecar, whose callers come in the clear and over TLS.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.rig.installs import Missing, environment
from bench.rig.processes import stops_on_signals
from examples import launch
from examples.processes import Process, free_port
from tests.proxy.certificates import Authority

SERVER = """
import sys
from concurrent.futures import ThreadPoolExecutor
import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

server = grpc.server(ThreadPoolExecutor(8))
servicer = health.HealthServicer()
health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
servicer.set("", health_pb2.HealthCheckResponse.SERVING)
servicer.set("tired", health_pb2.HealthCheckResponse.NOT_SERVING)
names = [health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME]
reflection.enable_server_reflection(names, server)
server.add_insecure_port("127.0.0.1:" + sys.argv[1])
server.start()
server.wait_for_termination()
"""

CLIENT = """
import json, sys
import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

address, ca = sys.argv[1:]
if ca:
    channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(open(ca, "rb").read()))
else:
    channel = grpc.insecure_channel(address)
told = {}
described = ProtoReflectionDescriptorDatabase(channel)
pool = DescriptorPool(described)
told["services"] = sorted(described.get_services())
told["methods"] = {one: sorted(pool.FindServiceByName(one).methods_by_name) for one in told["services"]}
stub = health_pb2_grpc.HealthStub(channel)
for name in ("", "tired", "nobody"):
    try:
        told["health of " + name] = stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=10).status
    except grpc.RpcError as error:
        told["health of " + name] = [error.code().name, error.details()]
watch = stub.Watch(health_pb2.HealthCheckRequest(service="tired"), timeout=10)
told["watched"] = next(watch).status
watch.cancel()
print(json.dumps(told))
"""


def told(interpreter: str, address: str, ca: str = "") -> dict[str, object]:
    """What gRPC's clients are told at this address."""
    command = [interpreter, "-W", "ignore", "-c", CLIENT, address, ca]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if run.returncode:
        raise SystemExit(f"asked at {address}: {run.stderr}")
    return json.loads(run.stdout)


def main() -> int:
    server, clear, secure = free_port(), free_port(), free_port()
    try:
        interpreter = str(environment("reflection") / "bin" / "python")
    except Missing as missing:
        print(missing, file=sys.stderr)
        return 2
    with stops_on_signals(), tempfile.TemporaryDirectory(prefix="sidecar-services-") as directory:
        place = Path(directory)
        authority = Authority(place, "ours")
        pair = authority.issue("sidecar", "127.0.0.1")
        with Process("server", [interpreter, "-c", SERVER, str(server)], place) as process:
            process.wait_until(lambda: listens(server))
            expected = told(interpreter, f"127.0.0.1:{server}")
            print(json.dumps(expected, indent=2))
            done = True
            for port, flags, ca in (
                (clear, [], ""),
                (secure, ["--tls-cert", pair.certificate, "--tls-key", pair.key], authority.path),
            ):
                command = ["--grpc-listen", f"127.0.0.1:{port}", *flags]
                command += ["--grpc-upstream", f"http://127.0.0.1:{server}"]
                with launch.sidecar("http://127.0.0.1:9", place, command):
                    same = told(interpreter, f"127.0.0.1:{port}", ca) == expected
                done &= same
                print(
                    f"through the sidecar{' over TLS' if ca else ''}: {'the same' if same else 'OTHERWISE'}"
                )
    return 0 if done else 1


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
