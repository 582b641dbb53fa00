"""Measuring the proxies that need weights: what is missing of some groups, for tasks whose training was recorded."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from memscope.files.atomic import write_atomically
from memscope.run import Run
from memscope.store.dynamics import finished_dynamics, lacking_dynamics
from memscope.store.ledger import ONEHOT, Task, outcome_path
from memscope.store.proxies import proxy_path
from memscope.text import counted
from memscope.work.carrying_out import (
    Done,
    OnEnd,
    Say,
    Work,
    WorkOptions,
    carry_out,
    data_to_send,
    of_shard,
    workers_of,
)
from memscope.work.proxy_task import ProxyJob, open_proxy_work
from memscope.work.timing import spent_on


def measurable(run: Run, size: int, variant: str = ONEHOT) -> list[Task]:
    """The tasks of one size whose outcome, dynamics and checkpoints are all there, in the order of their models."""
    path, plan = run.path, run.plan
    return [
        task
        for task in finished_dynamics(path, plan, size, variant)
        if outcome_path(path, plan, task).is_file() and not lacking_dynamics(path, plan, task)
    ]


def measure(
    run: Run,
    tasks_by_size: Mapping[int, Sequence[Task]],
    groups: Sequence[str],
    options: WorkOptions,
    device: str,
    say: Say,
    on_end: OnEnd,
) -> Done:
    """Measure these groups for those of these tasks that have no file of theirs yet; large sizes first.

    Of all the tasks, whatever is there of them, a shard does its own part. `Done.models` counts a model once for each
    group.
    """
    every = [task for size in sorted(tasks_by_size, reverse=True) for task in tasks_by_size[size]]
    mine = of_shard(options, every)
    whole = Done()
    for group in groups:

        def path_of(task: Task, group: str = group) -> Path:
            return proxy_path(run.path, run.plan, task, group)

        def write(task: Task, content: bytes, group: str = group) -> None:
            write_atomically(proxy_path(run.path, run.plan, task, group), content)

        missing = [task for task in mine if not path_of(task).is_file()]
        if not missing:
            continue
        models = sum(task.count for task in missing)
        workers = counted(workers_of(options, device), "worker")
        say(f"measuring {group} of {counted(models, 'model')} with {workers}")
        job = ProxyJob(str(run.path.absolute()), run.plan, device, group, data_to_send(run, options))
        work = Work(partial(open_proxy_work, job), path_of, write)
        with spent_on("memories"):
            done = carry_out(run, work, [(task,) for task in missing], options, device, on_end)
        whole.models += done.models
        whole.failures += done.failures
    return whole
