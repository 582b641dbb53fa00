"""Where tasks run. An engine is a function; all engines meet one contract.

    engine(open_work, bundles, workers) -> iterator of Report

with at most that many `workers`. A bundle is a tuple of tasks that one worker does together; most bundles are one task.
`open_work(worker)` is called once by every worker, with its number. It returns the function from a bundle to its
products, one for each task. `open_work`, the tasks and the products are plain data that can be pickled. The next bundle
is taken only when a worker is free for it. There is one report for each bundle, when it ends, in any order. A bundle
that raises, or whose worker dies, is reported with the reason, and the others go on. Closing the iterator ends the
workers at once. An engine writes nothing: the caller does. What else an engine must know, such as a cluster's address,
is bound to it when it is opened.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from memscope.errors import OptionError
from memscope.store.ledger import Task

Bundle = tuple[Task, ...]
DoBundle = Callable[[Bundle], Sequence[Any]]
OpenWork = Callable[[int], DoBundle]


@dataclass(frozen=True)
class ClusterState:
    """The nodes and workers at work on a cluster, whose machines may come and go."""

    nodes: int
    workers: int
    left_out: tuple[str, ...] = ()
    """Each node whose workers could not open the work: its name and the reason"""


@dataclass(frozen=True, eq=False)
class Report:
    """How a bundle ended: with a product for each of its tasks, or with the reason why there is none."""

    tasks: Bundle
    products: Sequence[Any] = ()
    failure: str | None = None
    """A traceback, or how the worker died"""
    cluster: ClusterState | None = None
    """The cluster when the bundle ended; None if the engine has none"""


def last_line(failure: str) -> str:
    """What went wrong, in one line: the exception of a traceback, without the module if it is one of ours."""
    line = failure.strip().splitlines()[-1]
    return line.split(": ", 1)[-1] if line.startswith("memscope.") else line


class Engine(Protocol):
    def __call__(
        self, open_work: OpenWork, bundles: Iterable[Bundle], workers: int
    ) -> Generator[Report, None, None]: ...


ENGINES = ("inline", "processes", "ray")


@dataclass(frozen=True)
class Cluster:
    """Which Ray cluster to use, and what a worker takes of it."""

    address: str = "auto"
    """HOST:PORT of its head, or `auto`: the cluster that this machine belongs to"""
    device: str = "cpu"
    """`cpu`: a core for each worker; `cuda`: a GPU, or a part of one"""
    workers: int | None = None
    """How many workers were asked for; if they are more than the GPUs, they share GPUs"""


def open_engine(name: str, cluster: Cluster | None = None) -> Engine:
    """The engine of this name; `cluster` is for `ray` alone."""
    # imported here, so that only those who use a cluster need its packages
    if name == "inline":
        from memscope.engines.inline import run_inline

        return run_inline
    if name == "processes":
        from memscope.engines.processes import run_processes

        return run_processes
    if name == "ray":
        from memscope.engines.ray import run_ray

        return partial(run_ray, cluster=cluster or Cluster())
    raise OptionError(f"the engine is {name!r}; it must be one of {', '.join(ENGINES)}")
