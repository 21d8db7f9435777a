"""`sidecar redirect`: leads the model's ports to the sidecar by rules of the pod's own network.

    from outside  ->  the model's ports  become   the sidecar's ports                   nat, PREROUTING
    the model     ->  egress ports       become   the sidecar's egress                  nat, OUTPUT
    the sidecar   ->  anywhere           as it is: it is told apart by its user id
    within the pod, over loopback        as it is, so the sidecar reaches the model
    from outside  ->  the egress         refused: it is for the model only              filter, INPUT

It runs in the pod, once; run again, the rules are made anew and nothing stands twice. Counterpart:
`sidecar.inject.containers`, which writes the arguments.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from sidecar.errors import SidecarError, UsageError

IN, OUT, GUARD = "SIDECAR_IN", "SIDECAR_OUT", "SIDECAR_GUARD"

FAMILIES = {"iptables": Path("/proc/net/tcp"), "ip6tables": Path("/proc/net/if_inet6")}
"""The programs, and a file that is there, and not empty, where the pod has addresses of that family."""


class Order(NamedTuple):
    """What is to be led where. Without `egress_ports` the model's own calls are left alone, without
    `grpc_port` there is only its port for HTTP."""

    port: int
    to: int
    egress_ports: tuple[int, ...] = ()
    egress_to: int = 0
    user: int = 0
    grpc_port: int = 0
    grpc_to: int = 0


def rules(order: Order) -> str:
    """The rules, as `iptables-restore --noflush` takes them: naming a chain empties it."""
    lines = [
        "*nat",
        f":{IN} - [0:0]",
        f":{OUT} - [0:0]",
        f"-A {IN} -p tcp --dport {order.port} -j REDIRECT --to-ports {order.to}",
    ]
    if order.grpc_port:
        lines.append(f"-A {IN} -p tcp --dport {order.grpc_port} -j REDIRECT --to-ports {order.grpc_to}")
    if order.egress_ports:
        ports = ",".join(map(str, order.egress_ports))
        lines += [
            f"-A {OUT} -m owner --uid-owner {order.user} -j RETURN",
            f"-A {OUT} -o lo -j RETURN",
            f"-A {OUT} -p tcp -m multiport --dports {ports} -j REDIRECT --to-ports {order.egress_to}",
        ]
    lines += ["COMMIT", "*filter", f":{GUARD} - [0:0]"]
    if order.egress_ports:
        lines.append(f"-A {GUARD} -p tcp --dport {order.egress_to} ! -i lo -j REJECT --reject-with tcp-reset")
    return "\n".join([*lines, "COMMIT", ""])


JUMPS = (("nat", "PREROUTING", IN), ("nat", "OUTPUT", OUT), ("filter", "INPUT", GUARD))
"""Where each chain is entered."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `sidecar redirect`."""
    add = parser.add_argument
    add("--port", type=int, required=True, metavar="PORT", help="the model's port")
    add("--to", type=int, required=True, metavar="PORT", help="where the sidecar takes calls")
    add(
        "--egress-ports",
        default="",
        metavar="PORTS",
        help="ports of others that the model calls, such as 80,8080",
    )
    add("--egress-to", type=int, default=0, metavar="PORT", help="the sidecar's egress")
    add(
        "--user", type=int, default=0, metavar="ID", help="user id of the sidecar, whose own calls are spared"
    )
    add("--grpc-port", type=int, default=0, metavar="PORT", help="the model's port for gRPC, if it has one")
    add("--grpc-to", type=int, default=0, metavar="PORT", help="where the sidecar takes calls by gRPC")
    add("--print", action="store_true", dest="show", help="print the rules, change nothing")


def run(arguments: argparse.Namespace) -> int:
    """Set the rules, or print them. Raises SidecarError when they can't be set."""
    order = _order(arguments)
    if arguments.show:
        print(rules(order), end="")
        return 0
    if os.geteuid() != 0:
        raise SidecarError("redirect needs root with NET_ADMIN: it changes the network of the pod it runs in")
    for program, addresses in FAMILIES.items():
        if addresses.exists() and addresses.read_bytes().strip():
            _apply(program, order)
    print(f"port {order.port} leads to the sidecar on {order.to}")
    return 0


def _order(arguments: argparse.Namespace) -> Order:
    try:
        egress = tuple(int(part) for part in arguments.egress_ports.split(",") if part)
    except ValueError:
        raise UsageError(f"--egress-ports {arguments.egress_ports}: expected ports such as 80,8080") from None
    grpc = (arguments.grpc_port, arguments.grpc_to) if arguments.grpc_port else ()
    given = [arguments.port, arguments.to, *grpc, *egress, *([arguments.egress_to] if egress else [])]
    if wrong := [port for port in given if not 0 < port < 65_536]:
        raise UsageError(f"{wrong[0]} is no port; those are 1 to 65535")
    if egress and arguments.user <= 0:
        raise UsageError(
            "--egress-ports needs --user: the sidecar's own calls would come back to it for ever"
        )
    return Order(arguments.port, arguments.to, egress, arguments.egress_to, arguments.user, *grpc)


def _apply(family: str, order: Order) -> None:
    """Set the rules by whichever of the kernel's two interfaces there is."""
    said = "it is not installed"
    for variant in ("", "-nft", "-legacy"):
        tables, restore = f"{family}{variant}", f"{family}{variant}-restore"
        if shutil.which(tables) is None or shutil.which(restore) is None:
            continue
        done = _run([restore, "--noflush", "--wait=10"], rules(order))
        if done.returncode == 0:
            for table, builtin, chain in JUMPS:
                _enter(tables, table, builtin, chain)
            return
        said = done.stderr.strip()
    raise SidecarError(f"{family}: the rules could not be set: {said}")


def _enter(tables: str, table: str, builtin: str, chain: str) -> None:
    """Jump to a chain of ours, once and first."""
    rule = [tables, "--wait=10", "-t", table]
    if _run([*rule, "-C", builtin, "-j", chain]).returncode == 0:
        return
    done = _run([*rule, "-I", builtin, "1", "-j", chain])
    if done.returncode:
        raise SidecarError(f"{tables}: {builtin} could not be led to {chain}: {done.stderr.strip()}")


def _run(command: list[str], given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=60)
