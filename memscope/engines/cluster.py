"""A running Ray cluster: reaching it, its nodes, and how many workers each has room for.

memscope joins clusters and starts none: a cluster of one machine would only do more slowly what the engine `processes`
does.
"""

import os
import socket
from dataclasses import dataclass
from math import ceil
from typing import Any

from memscope.engines import Cluster
from memscope.errors import MemscopeError, OptionError

ANSWERS_WITHIN = 5.0
"""Seconds within which the head of a cluster must answer. Ray itself tries for two minutes, with its own messages."""

START = "start one with: ray start --head (on other machines: ray start --address HEAD:6379), or leave out --engine ray"

GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""How an HTTP/2 connection begins: the preface and an empty frame of settings."""


@dataclass(frozen=True)
class Share:
    """What one worker takes of a node: one of the `parts` into which each `CPU` or `GPU` is divided."""

    resource: str
    parts: int


@dataclass(frozen=True)
class Node:
    """One machine of the cluster."""

    key: str
    name: str
    room: int
    """Workers"""


def require_ray() -> Any:
    """The module ray; MemscopeError if it is not installed."""
    try:
        import ray
    except ImportError as error:
        raise MemscopeError(
            '--engine ray needs Ray, which is not installed: pip install "memscope-ml[ray]", or use --engine processes'
        ) from error
    return ray


def connect(address: str) -> Any:
    """The module ray, connected to the cluster at this address, for the rest of this process.

    OptionError for something that is not an address, MemscopeError if no cluster answers. A process that is already
    connected, such as a notebook, stays connected.
    """
    ray = require_ray()
    place = os.environ.get("RAY_ADDRESS", "auto") if address == "auto" else address
    if place != "auto":
        check_form(place, "--address" if place == address else "RAY_ADDRESS")
    if ray.is_initialized():
        return ray
    if place != "auto":
        check_answers(place)
    try:
        ray.init(address=place, log_to_driver=False, logging_level="ERROR")
    except ConnectionError as error:
        where = "on this machine" if place == "auto" else f"at {place}"
        raise MemscopeError(f"no Ray cluster runs {where}; {START}") from error
    except RuntimeError as error:  # the cluster has other versions of Ray or Python
        raise MemscopeError(f"the Ray cluster cannot be joined: {' '.join(str(error).split())}") from error
    return ray


def check_form(place: str, option: str) -> None:
    host, _, port = place.rpartition(":")
    if not host or "/" in host or not port.isdigit() or not 0 < int(port) < 65536:
        raise OptionError(f"{option} is {place}; it must be auto or HOST:PORT, as in 10.0.0.1:6379")


def check_answers(place: str) -> None:
    """MemscopeError unless something at HOST:PORT answers as the head of a cluster does, in HTTP/2."""
    host, _, port = place.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWERS_WITHIN) as server:
            if os.environ.get("RAY_USE_TLS", "0") != "0":
                return  # it uses TLS, and will not answer in clear text
            server.sendall(GREETING)
            answer = server.recv(9)
    except OSError as error:
        reason = error.strerror or str(error)
        raise MemscopeError(f"no Ray cluster answers at {place} ({reason}); {START}") from error
    if answer[3:4] != GREETING[-6:-5]:
        raise MemscopeError(f"what answers at {place} is not the head of a Ray cluster; {START}")


def share_of(cluster: Cluster) -> Share:
    """What a worker takes: a core; or a GPU, divided only as far as needed for the workers that were asked for."""
    if cluster.device == "cpu":
        return Share("CPU", 1)
    if cluster.device != "cuda":
        raise OptionError(f"--engine ray works with the devices cpu and cuda, not {cluster.device}; give --device cpu")
    gpus = sum(node.room for node in nodes_with(Share("GPU", 1)))
    return Share("GPU", max(1, ceil((cluster.workers or 1) / max(1, gpus))))


def nodes_with(share: Share) -> list[Node]:
    """The live nodes of the cluster that we are connected to, each with its room for such workers."""
    return [
        Node(node["NodeID"], node["NodeManagerHostname"], int(node["Resources"].get(share.resource, 0)) * share.parts)
        for node in require_ray().nodes()
        if node["Alive"]
    ]


def room(cluster: Cluster) -> int:
    """How many workers there is room for now; MemscopeError if there is room for none."""
    connect(cluster.address)
    share = share_of(cluster)
    nodes = nodes_with(share)
    total = sum(node.room for node in nodes)
    if not total:
        raise MemscopeError(
            f"the Ray cluster has {len(nodes)} nodes and no {share.resource} for a worker; start Ray with some"
        )
    return min(total, cluster.workers or total)
