"""How long do reviews take at a steady rate, also while certificates change? And does one fail?

    python -m bench.webhook                  200 reviews a second for 20 seconds, three certificate changes
    python -m bench.webhook --rate 400 --seconds 10 --new-connections

A real `sidecar webhook` in a process of its own, TLS, and the small API server of the tests. Reviews are sent
on time whether or not earlier ones are answered (open loop), over kept connections as an API server has, or
each over a new one. Latency is counted from when a review was due, so that waiting is not left out.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import gc
import json
import ssl
import statistics
import tempfile
import time
from pathlib import Path

import aiohttp

from examples.processes import Process, answers, free_port, python
from tests.inject.api_server import ApiServer
from tests.inject.reviews import POD, review

HOST = "model-sidecar-webhook.sidecar-system.svc"

TOKEN_VOLUME = {
    "name": "kube-api-access-abcde",
    "projected": {"sources": [{"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}}]},
}


def body() -> bytes:
    """A pod of usual size: about 6 KB, as API servers send them with managed fields."""
    thing = json.loads(json.dumps(POD))
    thing["metadata"]["managedFields"] = [
        {"manager": "kube-controller-manager", "fieldsV1": {"f:x": {}}}
    ] * 40
    thing["spec"]["volumes"] = [TOKEN_VOLUME]
    container = thing["spec"]["containers"][0]
    container["env"] = [{"name": f"VARIABLE_{n}", "value": "x" * 20} for n in range(40)]
    container["livenessProbe"] = {"tcpSocket": {"port": "http"}, "timeoutSeconds": 3}
    return json.dumps(review(thing)).encode()


class Load:
    """Sends reviews on time and keeps what became of each."""

    def __init__(self, api: ApiServer, port: int, *, new_connections: bool) -> None:
        self._api, self._url = api, f"https://127.0.0.1:{port}/pods"
        self._new = new_connections
        self._body = body()
        self.latencies: list[float] = []
        self.failures: list[str] = []
        self.bundles: set[str] = set()

    def context(self) -> ssl.SSLContext:
        text = self._api.configuration["webhooks"][0]["clientConfig"]["caBundle"]
        self.bundles.add(text)
        return ssl.create_default_context(cadata=base64.b64decode(text).decode())

    async def run(self, rate: float, seconds: float) -> None:
        sessions, tasks = [self._session()], []
        began = time.perf_counter()
        try:
            for number in range(int(rate * seconds)):
                due = began + number / rate
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                if number % int(rate) == 0:  # an API server hears of a new bundle soon
                    sessions.append(self._session())
                tasks.append(asyncio.ensure_future(self._one(sessions[-1], due)))
            await asyncio.gather(*tasks)
        finally:
            for session in sessions:
                await session.close()

    def _session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(ssl=self.context(), force_close=self._new, limit=100)
        return aiohttp.ClientSession(connector=connector)

    async def _one(self, session: aiohttp.ClientSession, due: float) -> None:
        try:
            async with session.post(self._url, data=self._body, server_hostname=HOST) as answer:
                response = (await answer.json())["response"]
                if answer.status != 200 or not response["allowed"] or "patch" not in response:
                    self.failures.append(f"{answer.status} {response}")
        except Exception as error:
            self.failures.append(repr(error))
        self.latencies.append(time.perf_counter() - due)


async def measure(options: argparse.Namespace, directory: Path) -> None:
    async with ApiServer(directory).running() as api:
        port, admin = free_port(), free_port()
        lasting = (
            "--authority-lasts",
            "35",
            "--certificate-lasts",
            "30",
            "--settle",
            "4",
            "--look-every",
            "0.5",
        )
        command = python(
            "sidecar.cli", "webhook", "--listen", f"127.0.0.1:{port}", "--admin", f"127.0.0.1:{admin}",
            "--api-server", api.url, "--account", str(api.account), *([] if options.calm else lasting),
        )  # fmt: skip
        with Process("webhook", command, directory) as process:
            await asyncio.to_thread(process.wait_until, lambda: answers(f"http://127.0.0.1:{admin}/readyz"))
            warm = Load(api, port, new_connections=options.new_connections)
            await warm.run(50, 1)
            load = Load(api, port, new_connections=options.new_connections)
            gc.collect()
            gc.freeze()
            before = await metrics(admin)
            await load.run(options.rate, options.seconds)
            after = await metrics(admin)
    report(load, before, after)


async def metrics(port: int) -> dict[str, float]:
    """The webhook's metrics, by name and labels."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as answer:
        lines = [line.rpartition(" ") for line in (await answer.text()).splitlines() if line[0] != "#"]
    return {key: float(value) for key, _, value in lines}


def report(load: Load, before: dict[str, float], after: dict[str, float]) -> None:
    def during(key: str) -> float:
        return after[key] - before[key]

    cuts = statistics.quantiles(load.latencies, n=1000)
    changes = during("sidecar_webhook_certificate_changes_total")
    print(
        f"reviews {len(load.latencies)}, failed {len(load.failures)}, certificate changes {changes:.0f}",
        end="",
    )
    print(f", bundles trusted {len(load.bundles)}, bytes of a review {len(body())}")
    print(
        f"milliseconds: p50 {cuts[499] * 1e3:.2f}  p99 {cuts[989] * 1e3:.2f}  p99.9 {cuts[998] * 1e3:.2f}",
        end="",
    )
    print(f"  longest {max(load.latencies) * 1e3:.1f}")
    name = "sidecar_webhook_review_duration_seconds"
    answered = during(f"{name}_count")
    within = during(f'{name}_bucket{{le="0.01"}}') / answered
    print(f"in the webhook, from a review's last byte to its answer: {within:.2%} within 10 ms", end="")
    print(f"; {during('process_cpu_seconds_total') / answered * 1e3:.2f} ms of CPU for a review, TLS and all")
    for failure in load.failures[:5]:
        print(f"    {failure[:200]}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.webhook", description=__doc__.partition("\n")[0])
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--new-connections", action="store_true", help="one for each review")
    parser.add_argument("--calm", action="store_true", help="certificates of the usual lifetimes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sidecar-bench-") as directory:
        asyncio.run(measure(options, Path(directory)))


if __name__ == "__main__":
    main()
