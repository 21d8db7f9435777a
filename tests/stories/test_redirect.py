"""Traffic `redirect` with the kernel's real rules: a pod and the world outside, each a network namespace.

    outside  10.231.0.1, fd00:231::1   a caller, and another service at port 8081
    pod      10.231.0.2, fd00:231::2   the model at 8080 and by gRPC at 8082, the sidecar at 9700 and 9703

What `sidecar inject` writes into a pod is what runs here: the arguments are taken from an injected one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from examples.processes import Process, python
from sidecar.inject import pod as pods
from sidecar.inject.containers import REDIRECT, SIDECAR
from sidecar.inject.settings import Around

MISSING = [
    name for name in ("ip", "iptables-restore", "ip6tables-restore", "setpriv") if not shutil.which(name)
]
pytestmark = [
    pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]

OUTSIDE, INSIDE = {4: "10.231.0.1", 6: "fd00:231::1"}, {4: "10.231.0.2", 6: "fd00:231::2"}

SERVER = """
import http.server, json, socket, sys, urllib.request
class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if self.path.startswith("/ask/"):  # as a model that asks another one
            body = urllib.request.urlopen("http://" + self.path[5:], timeout=10).read()
        else:
            body = json.dumps({"here": sys.argv[2], "path": self.path, "from": self.client_address[0],
                               "headers": {k.lower(): v for k, v in self.headers.items()}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
server = Server(("::", int(sys.argv[1])), Handler)
server.serve_forever()
"""

GRPC_SERVER = """
import grpc, sys
from concurrent.futures import ThreadPoolExecutor
class Echo(grpc.GenericRpcHandler):
    def service(self, call):
        return grpc.unary_unary_rpc_method_handler(lambda body, _: body)
server = grpc.server(ThreadPoolExecutor(2), handlers=(Echo(),))
server.add_insecure_port(f"[::]:{sys.argv[1]}")
server.start()
server.wait_for_termination()
"""

GRPC_ASK = """
import grpc, json, sys
with grpc.insecure_channel(sys.argv[1], [("grpc.enable_http_proxy", 0)]) as channel:
    body, call = channel.unary_unary("/echo.Echo/Say").with_call(b"hello", timeout=10, wait_for_ready=True)
print(json.dumps([body.decode(), {name: str(value) for name, value in call.initial_metadata()}]))
"""

ASK = """
import sys, urllib.request, urllib.error, json
try:
    with urllib.request.urlopen(sys.argv[1], timeout=10) as reply:
        headers = {k.lower(): v for k, v in reply.headers.items()}
        print(json.dumps([reply.status, headers, reply.read().decode()]))
except urllib.error.HTTPError as error:
    print(json.dumps([error.code, {}, error.read().decode()]))
except OSError as error:
    print(json.dumps([0, {}, str(error)]))
"""

SAME_WORDS = """
import http.client, socket, sys
for place in sys.argv[1:]:
    with socket.create_connection((place, 8081), timeout=10) as call:
        call.sendall(b"GET /x HTTP/1.1\\r\\nHost: other\\r\\n\\r\\n")
        answer = http.client.HTTPResponse(call)
        answer.begin()
        print(answer.read().decode())
"""

INJECTED = pods.inject(
    {
        "metadata": {
            "annotations": {"sidecar.observe/egress-ports": "8081", "sidecar.observe/grpc-port": "8082"}
        },
        "spec": {
            "containers": [{"name": "m", "image": "i", "ports": [{"containerPort": 8080, "name": "http"}]}]
        },
    },
    Around(),
)


def arguments(container: str) -> list[str]:
    """What the injected pod tells one of our containers."""
    found = next(one for one in INJECTED.pod["spec"]["initContainers"] if one["name"] == container)
    return list(found["args"])


def environment(container: str) -> dict[str, str]:
    """What it has in its environment, less what only a cluster knows."""
    found = next(one for one in INJECTED.pod["spec"]["initContainers"] if one["name"] == container)
    return {one["name"]: one["value"] for one in found["env"] if "value" in one}


class Network(NamedTuple):
    """The two namespaces, and the sidecar in one of them."""

    outside: str
    inside: str
    sidecar: Process

    def ask(self, url: str, *, namespace: str = "") -> tuple[int, dict[str, str], str]:
        """GET from outside, or from the other namespace: status (0: no connection), headers, body."""
        done = _run("ip", "netns", "exec", namespace or self.outside, sys.executable, "-c", ASK, url)
        status, headers, body = json.loads(done)
        return status, headers, body

    def ask_by_grpc(self, address: str, *, namespace: str = "") -> tuple[str, dict[str, str]]:
        """A call from outside, or from the other namespace: what is answered, and the initial metadata."""
        command = (sys.executable, "-c", GRPC_ASK, address)
        body, metadata = json.loads(_run("ip", "netns", "exec", namespace or self.outside, *command))
        return body, metadata


def _run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def _within(namespace: str, *command: str) -> list[str]:
    return ["ip", "netns", "exec", namespace, *command]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    directory = tmp_path_factory.mktemp("network")
    with ExitStack() as ends:
        names = [f"sidecar-test-{kind}-{os.getpid()}" for kind in ("out", "in")]
        for name in names:
            try:
                _run("ip", "netns", "add", name)
            except subprocess.CalledProcessError as refused:
                pytest.skip(f"no network namespaces here: {refused.stderr.strip()}")
            ends.callback(subprocess.run, ["ip", "netns", "del", name], check=False)
        outside, inside = names
        _connect(outside, inside)
        for namespace, port, name in ((inside, 8080, "model"), (outside, 8081, "other")):
            command = _within(namespace, sys.executable, "-c", SERVER, str(port), name)
            server = ends.enter_context(Process(name, command, directory))
            server.wait_until(lambda n=namespace, p=port: _answers(n, f"http://127.0.0.1:{p}/"))  # type: ignore[misc]
        ends.enter_context(
            Process("grpc", _within(inside, sys.executable, "-c", GRPC_SERVER, "8082"), directory)
        )
        _run(*_within(inside, *python("sidecar.cli", *arguments(REDIRECT))))
        ends.enter_context(sidecar := _start(inside, directory))
        sidecar.wait_until(lambda: _answers(inside, "http://127.0.0.1:9702/healthz"))
        sidecar.wait_until(lambda: _answers(inside, "http://127.0.0.1:9700/"))
        yield Network(outside, inside, sidecar)


def _connect(outside: str, inside: str) -> None:
    _run(
        "ip", "link", "add", "eth0", "netns", inside, "type", "veth", "peer", "name", "eth0", "netns", outside
    )
    for namespace, addresses in ((outside, OUTSIDE), (inside, INSIDE)):
        _run("ip", "-n", namespace, "link", "set", "lo", "up")
        _run("ip", "-n", namespace, "addr", "add", f"{addresses[4]}/24", "dev", "eth0")
        _run("ip", "-n", namespace, "addr", "add", f"{addresses[6]}/64", "dev", "eth0", "nodad")
        _run("ip", "-n", namespace, "link", "set", "eth0", "up")


def _start(inside: str, directory: Path) -> Process:
    """The sidecar as the user that the rules spare; it may read this checkout wherever that lies."""
    run_dir = directory / "run"
    run_dir.mkdir()
    run_dir.chmod(0o777)
    given = [word for word in arguments(SIDECAR) if not word.startswith("--run-dir")]
    user = ("setpriv", "--reuid=9700", "--regid=9700", "--clear-groups")
    reading = ("--inh-caps=+dac_override,+dac_read_search", "--ambient-caps=+dac_override,+dac_read_search")
    command = python("sidecar.cli", *given, "--run-dir", str(run_dir))
    plain = {name: value for name, value in environment(SIDECAR).items() if "$(" not in value}
    return Process("sidecar", _within(inside, *user, *reading, *command), directory, plain)


def _answers(namespace: str, url: str) -> bool:
    done = subprocess.run(
        _within(namespace, sys.executable, "-c", ASK, url),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode == 0 and json.loads(done.stdout)[0] == 200


def url(address: str, port: int, path: str = "/") -> str:
    return f"http://[{address}]:{port}{path}" if ":" in address else f"http://{address}:{port}{path}"


@pytest.mark.parametrize("family", [4, 6])
def test_a_caller_outside_reaches_the_model_only_through_the_sidecar(network, family):
    status, headers, body = network.ask(url(INSIDE[family], 8080, "/v1/hello"))
    assert (status, json.loads(body)["here"], json.loads(body)["path"]) == (200, "model", "/v1/hello")
    assert "x-request-id" in headers, "the model itself was reached"
    assert "traceparent" in json.loads(body)["headers"]


@pytest.mark.parametrize("family", [4, 6])
def test_the_models_own_calls_go_through_the_egress_and_join(network, family):
    status, headers, body = network.ask(url(INSIDE[family], 8080, f"/ask/{url(OUTSIDE[family], 8081)[7:]}x"))
    got = json.loads(body)
    assert (status, got["here"], got["path"]) == (200, "other", "/x")
    assert got["headers"]["traceparent"].split("-")[1] == headers["traceresponse"].split("-")[1]
    assert got["headers"]["x-request-id"] == headers["x-request-id"]


def test_the_same_words_go_where_each_connection_was_going(network):
    """As from a model that chooses among the pods of a service by itself: the head is the same for all."""
    places = [*OUTSIDE.values()] * 2
    answers = _run(*_within(network.inside, sys.executable, "-c", SAME_WORDS, *places))
    got = [json.loads(line) for line in answers.splitlines()]
    assert [one["from"] for one in got] == [f"::ffff:{INSIDE[4]}", INSIDE[6]] * 2
    assert {one["headers"]["host"] for one in got} == {"other"}, "the host that the model named stays"


def test_a_call_to_another_port_is_not_touched(network):
    """And the host that the model named stays."""
    with Process(
        "more",
        _within(network.outside, sys.executable, "-c", SERVER, "8083", "more"),
        network.sidecar.log.parent,
    ) as more:
        more.wait_until(lambda: _answers(network.outside, "http://127.0.0.1:8083/"))
        got = json.loads(network.ask(url(INSIDE[4], 8080, f"/ask/{OUTSIDE[4]}:8083/y"))[2])
    assert "traceparent" not in got["headers"]
    got = json.loads(network.ask(url(INSIDE[4], 8080, f"/ask/{OUTSIDE[4]}:8081/y"))[2])
    assert got["headers"]["host"] == f"{OUTSIDE[4]}:8081"


def test_within_the_pod_the_model_answers_itself(network):
    _, headers, body = network.ask("http://127.0.0.1:8080/", namespace=network.inside)
    assert json.loads(body)["here"] == "model"
    assert "x-request-id" not in headers


@pytest.mark.parametrize("family", [4, 6])
def test_grpc_from_outside_goes_through_the_sidecar_and_within_the_pod_to_the_model(network, family):
    address = f"[{INSIDE[6]}]:8082" if family == 6 else f"{INSIDE[4]}:8082"
    body, metadata = network.ask_by_grpc(address)
    assert (body, metadata["x-anomaly-verdict"]) == ("hello", 'unscored; reason="unknown-format"')
    assert "x-request-id" in metadata
    assert network.ask_by_grpc("127.0.0.1:8082", namespace=network.inside) == ("hello", {})
    assert network.ask(url(INSIDE[family], 9702, "/probe/model/grpc"))[0] == 200


@pytest.mark.parametrize("family", [4, 6])
def test_probes_from_the_node(network, family):
    assert network.ask(url(INSIDE[family], 8080, "/healthz"))[0] == 200
    assert network.ask(url(INSIDE[family], 9702, "/probe/model"))[0] == 200
    assert network.ask(url(INSIDE[family], 9702, "/healthz"))[0] == 200


@pytest.mark.parametrize("family", [4, 6])
def test_nobody_outside_uses_the_egress(network, family):
    status, _, said = network.ask(url(INSIDE[family], 9701))
    assert (status, "refused" in said) == (0, True)


def test_run_again_nothing_stands_twice(network):
    before = _run(*_within(network.inside, "iptables-save"))
    _run(*_within(network.inside, *python("sidecar.cli", *arguments(REDIRECT))))
    after = _run(*_within(network.inside, "iptables-save"))

    def only_rules(text: str) -> list[str]:
        return [line for line in text.splitlines() if line.startswith("-A")]

    assert only_rules(after) == only_rules(before)
    assert len(only_rules(before)) == 9
    assert network.ask(url(INSIDE[4], 8080))[0] == 200
