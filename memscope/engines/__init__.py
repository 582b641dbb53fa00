"""Where tasks run. An engine is a function; all engines meet one contract.

    engine(open_work, bundles, workers) -> iterator of Report

A bundle is a tuple of tasks that one worker does together; mostly of one. `open_work(worker)` is called once by
every worker with its number and gives the function from a bundle to its products, one a task; it, the tasks and
the products are plain data that can be pickled. The next bundle is taken only when a worker is free for it.
Reports come as bundles end, in any order, one for each. A bundle that raises, or whose worker dies, is reported
with the reason and the others go on. Closing the iterator ends the workers at once. An engine writes nothing:
the caller does.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from memscope.errors import OptionError
from memscope.store.ledger import Task

Bundle = tuple[Task, ...]
DoBundle = Callable[[Bundle], Sequence[Any]]
OpenWork = Callable[[int], DoBundle]


@dataclass(frozen=True, eq=False)
class Report:
    """How a bundle ended: with a product for each of its tasks, or with the reason why there is none."""

    tasks: Bundle
    products: Sequence[Any] = ()
    failure: str | None = None
    """A traceback, or how the worker died"""


class Engine(Protocol):
    def __call__(
        self, open_work: OpenWork, bundles: Iterable[Bundle], workers: int
    ) -> Generator[Report, None, None]: ...


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
