"""`ray`: workers on the nodes of a running Ray cluster, one a core or a share of a GPU, each on one bundle at a time.

A worker is a Ray actor bound to its node, so that it opens the work once and we know where every worker is. What it
opens (with the data set in it) is in Ray's object store: each node fetches it once, and its workers read it there.
Every second we look at the nodes, and start new workers where there is room. A bundle whose worker dies, alone or with
its node, is handed out again. A node on which the work cannot be opened is left out as long as other nodes can open it.
"""

import os
import socket
import time
import traceback
from collections import Counter, deque
from collections.abc import Generator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from memscope.engines import Bundle, Cluster, ClusterState, DoBundle, OpenWork, Report, last_line
from memscope.engines.cluster import Node, Share, connect, nodes_with, require_ray, share_of
from memscope.engines.processes import ENVIRONMENT
from memscope.errors import MemscopeError
from memscope.version import __version__

LIVES = 4
"""Workers that may die over a bundle before it takes the blame, or opening the work before their node does."""

LOOK_EVERY = 1.0
"""Seconds between looks at the nodes."""


class WorkerActor:
    """The actor, in a worker's process: opens the work, then takes a bundle and gives its products."""

    def open(self, versions: dict[str, str], work: Sequence[Any], number: int) -> tuple[None, str | None]:
        """Nothing, or why the work cannot be opened. `work` is a list that holds a reference to what opens it, so that
        it is unpickled here, after the versions have been compared."""
        # before torch loads; by now Ray itself has loaded only NumPy
        os.environ.update(ENVIRONMENT)
        try:
            check_versions(versions)
            self.work: DoBundle = require_ray().get(work[0])(number)
        except (Exception, SystemExit):
            return None, traceback.format_exc()
        return None, None

    def do(self, bundle: Bundle) -> tuple[Sequence[Any], str | None]:
        """The products, or why there are none."""
        try:
            return self.work(bundle), None
        except (Exception, SystemExit):  # the user's own code may call sys.exit
            return (), traceback.format_exc()


def versions_here() -> dict[str, str]:
    """The versions that must be the same everywhere. For torch, only the release: builds for GPUs and for CPUs may be
    mixed, and outcomes say which build made them."""
    return {"memscope": __version__, "torch": version("torch").split("+")[0]}


def check_versions(expected: dict[str, str]) -> None:
    """MemscopeError if this node has other versions than the coordinator."""
    for package, found in versions_here().items():
        if found != expected[package]:
            raise MemscopeError(
                f"{socket.gethostname()} has {package} {found}, the coordinator {expected[package]}; install the same "
                "version on every node"
            )


@dataclass(eq=False)
class Worker:
    """One actor, the node that it is bound to, and the bundle it is on."""

    node: Node
    actor: Any
    opened: bool = False
    bundle: Bundle = ()


@dataclass(eq=False)
class Team:
    """The workers, and what is known of their nodes (by key)."""

    ray: Any
    share: Share
    work: Any
    """The reference to what opens the work"""
    most: int
    workers: set[Worker] = field(default_factory=set)
    idle: list[Worker] = field(default_factory=list)
    answers: dict[Any, Worker] = field(default_factory=dict)
    """Workers by the reference to the answer that we wait for: that the work is open, or a bundle's products"""
    started: int = 0
    opened: Counter[str] = field(default_factory=Counter)
    """Workers that have opened the work, by node"""
    died_opening: Counter[str] = field(default_factory=Counter)
    left_out: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By node, if the work cannot be opened there: the node's name and the reason"""

    @property
    def state(self) -> ClusterState:
        why = tuple(f"{name}: {last_line(reason)}" for name, reason in self.left_out.values())
        return ClusterState(len(+self.opened), self.opened.total(), why)


@dataclass(frozen=True, eq=False)
class Answer:
    """A worker's answer: a value, or the reason why there is none, and whether the worker has died."""

    value: Any = None
    failure: str | None = None
    died: bool = False


def run_ray(
    open_work: OpenWork, bundles: Iterable[Bundle], workers: int, *, cluster: Cluster
) -> Generator[Report, None, None]:
    """Run the bundles on a cluster, with at most `workers` workers; as nodes join, workers are added."""
    ray = connect(cluster.address)
    team = Team(ray, share_of(cluster), ray.put(open_work), workers)
    waiting, more = iter(bundles), True
    again: deque[Bundle] = deque()
    lost: Counter[Bundle] = Counter()
    looked = -LOOK_EVERY

    def hand_out() -> None:
        """Give a bundle to every idle worker, while there are any bundles."""
        nonlocal more
        while team.idle and (more or again):
            bundle = again.popleft() if again else next(waiting, None)
            if bundle is None:
                more = False
                return
            worker = team.idle.pop()
            worker.bundle = bundle
            team.answers[worker.actor.do.remote(bundle)] = worker

    try:
        while more or again or any(worker.bundle for worker in team.workers):
            if (more or again) and time.monotonic() - looked >= LOOK_EVERY:
                look_around(team)
                looked = time.monotonic()
            if team.left_out and not team.workers:
                (_, reason), *_ = team.left_out.values()
                yield from (Report(bundle, failure=reason, cluster=team.state) for bundle in (*again, *waiting))
                return
            for reference in ready(team):
                worker = team.answers.pop(reference)
                answer = collect(team, worker, reference)
                if not worker.opened:
                    take_in(team, worker, answer)
                    hand_out()
                    continue
                bundle, worker.bundle = worker.bundle, ()
                if answer.died:
                    lost[bundle] += 1
                    if lost[bundle] < LIVES:
                        again.append(bundle)
                        hand_out()
                        continue
                    answer = Answer(failure=f"{LIVES} workers died on it, one after another; {answer.failure}")
                else:
                    team.idle.append(worker)
                hand_out()  # before the report is handled, so that no worker waits for that
                products, failure = answer.value or ((), answer.failure)
                yield Report(bundle, products, failure, team.state)
    finally:
        for worker in team.workers:
            with suppress(Exception):  # the connection itself may have ended
                ray.kill(worker.actor)


def look_around(team: Team) -> None:
    """Forget nodes that are gone, and start workers where there is room, on all nodes in turn."""
    nodes = {node.key: node for node in nodes_with(team.share)}
    for worker in [worker for worker in team.idle if worker.node.key not in nodes]:
        team.idle.remove(worker)
        dismiss(team, worker)
    team.left_out = {key: why for key, why in team.left_out.items() if key in nodes}
    there = Counter(worker.node.key for worker in team.workers)
    free = [
        (number, key)
        for key, node in nodes.items()
        if key not in team.left_out
        for number in range(there[key], node.room)
    ]
    for _, key in sorted(free)[: team.most - len(team.workers)]:
        start_worker(team, nodes[key])


def start_worker(team: Team, node: Node) -> None:
    """Start an actor on a node; until the node has room for it, it waits there and is given no bundle."""
    share = 10_000 // team.share.parts / 10_000  # rounded down to what Ray can represent, so that all the parts fit
    takes = {"num_cpus": 1} if team.share.resource == "CPU" else {"num_cpus": 0, "num_gpus": share}
    place = team.ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node.key, soft=False)
    actor = team.ray.remote(WorkerActor).options(**takes, scheduling_strategy=place).remote()
    worker = Worker(node, actor)
    team.workers.add(worker)
    team.answers[actor.open.remote(versions_here(), [team.work], team.started)] = worker
    team.started += 1


def ready(team: Team) -> list[Any]:
    """The answers that have arrived, after waiting for one until it is time to look at the nodes again."""
    if not team.answers:
        time.sleep(LOOK_EVERY)  # for a node to join
        return []
    asked = list(team.answers)
    if not team.ray.wait(asked, timeout=LOOK_EVERY)[0]:
        return []
    return team.ray.wait(asked, num_returns=len(asked), timeout=0)[0]


def collect(team: Team, worker: Worker, reference: Any) -> Answer:
    """A worker's answer. If it cannot be had, the worker is taken to be dead, and is ended."""
    try:
        value, failure = team.ray.get(reference)
        return Answer((value, None) if failure is None else None, failure)
    except team.ray.exceptions.RayTaskError as error:  # such as products that cannot be pickled
        return Answer(failure=str(error))
    except team.ray.exceptions.RayError as error:
        reason = str(error).splitlines()[0]
        dismiss(team, worker)
        return Answer(failure=f"the last on {worker.node.name}: {type(error).__name__}: {reason}", died=True)


def take_in(team: Team, worker: Worker, answer: Answer) -> None:
    """A worker that has opened the work becomes idle. One that cannot is dismissed, and its node left out."""
    key = worker.node.key
    if answer.failure is None:
        worker.opened = True
        team.opened[key] += 1
        team.idle.append(worker)
        return
    dismiss(team, worker)
    team.died_opening[key] += answer.died
    if not answer.died or (team.died_opening[key] >= LIVES and not team.opened[key]):
        team.left_out[key] = (worker.node.name, answer.failure)


def dismiss(team: Team, worker: Worker) -> None:
    if worker in team.workers:
        team.workers.remove(worker)
        team.opened[worker.node.key] -= worker.opened
        with suppress(Exception):  # it may be dead already
            team.ray.kill(worker.actor)
