"""Where tasks run. An engine is a function; all engines meet one contract.

    engine(open_work, bundles, workers) -> iterator of Report

with at most so many `workers`. A bundle is a tuple of tasks that one worker does together; mostly it is one task.
`open_work(worker)` is called once by every worker with its number. It gives the function from a bundle to its products,
one for each task. `open_work`, the tasks and the products are plain data that can be pickled. The next bundle is taken
only when a worker is free for it. There is one report for each bundle, when it ends, in any order. A bundle that
raises, or whose worker dies, is reported with the reason, and the others go on. Closing the iterator ends the workers
at once. An engine writes nothing: the caller does. What else an engine must know, such as a cluster's address, is bound
to it when it is opened.
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
    """Who is at work on a cluster, whose machines come and go."""

    nodes: int
    workers: int
    left_out: tuple[str, ...] = ()
    """Of each node whose workers could not open the work, its name and why"""


@dataclass(frozen=True, eq=False)
class Report:
    """How a bundle ended: with a product for each of its tasks, or with the reason why there is none."""

    tasks: Bundle
    products: Sequence[Any] = ()
    failure: str | None = None
    """A traceback, or how the worker died"""
    cluster: ClusterState | None = None
    """When it ended; None where it never changes"""


def last_line(failure: str) -> str:
    """What went wrong, in one line: of a traceback the exception, without the module of our own ones."""
    line = failure.strip().splitlines()[-1]
    return line.split(": ", 1)[-1] if line.startswith("memscope.") else line


class Engine(Protocol):
    def __call__(
        self, open_work: OpenWork, bundles: Iterable[Bundle], workers: int
    ) -> Generator[Report, None, None]: ...


ENGINES = ("inline", "processes", "ray")


@dataclass(frozen=True)
class Cluster:
    """Which Ray cluster, and what a worker takes of it."""

    address: str = "auto"
    """HOST:PORT of its head, or `auto`: the one that this machine belongs to"""
    device: str = "cpu"
    """`cpu`: a core for each worker; `cuda`: a GPU, or a part of one"""
    workers: int | None = None
    """How many were asked for: more than there are GPUs share them"""


def open_engine(name: str, cluster: Cluster | None = None) -> Engine:
    """The engine of this name; `cluster` is for `ray` alone."""
    # imported when asked for, so that a cluster's packages are needed only by those who use the cluster
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
