"""Where tasks run. An engine is a function; all engines meet one contract.

    engine(open_work, tasks, workers) -> iterator of Report

`open_work(worker)` is called once by every worker with its number and gives the function from a task to its
product; it, the tasks and the products are plain data that can be pickled. The next task is taken from `tasks`
only when a worker is free for it. Reports come as tasks end, in any order, one for each task. A task that
raises, or whose worker dies, is reported with the reason and the others go on. Closing the iterator ends the
workers at once. An engine writes nothing: the caller does.
"""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from memscope.errors import OptionError
from memscope.store.ledger import Task

Work = Callable[[Task], Any]
OpenWork = Callable[[int], Work]


@dataclass(frozen=True, eq=False)
class Report:
    """How a task ended: with its product, or with the reason why there is none."""

    task: Task
    product: Any = None
    failure: str | None = None
    """A traceback, or how the worker died"""


class Engine(Protocol):
    def __call__(self, open_work: OpenWork, tasks: Iterable[Task], workers: int) -> Generator[Report, None, None]: ...


ENGINES = ("inline", "processes")


def open_engine(name: str) -> Engine:
    """The engine of this name."""
    # imported when asked for, so that a cluster's packages are needed only by those who use the cluster
    if name == "inline":
        from memscope.engines.inline import run_inline

        return run_inline
    if name == "processes":
        from memscope.engines.processes import run_processes

        return run_processes
    raise OptionError(f"the engine is {name!r}; it must be one of {', '.join(ENGINES)}")
