"""`memscope resmem`: choose, measure and compare the residual memory of every trained model of a run."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from memscope.analysis.memory_choice import MemoryChoice, MemoryGrid, best_choice
from memscope.analysis.trajectories import check_options
from memscope.counting.compared_memories import (
    memory_by_type,
    prediction_arrays,
    predictions,
    size_memory,
    size_memory_on_all,
)
from memscope.counting.memories import Chosen, count_memories, stored
from memscope.counting.needed import RESERVED, block_lacking, block_of, without_weights
from memscope.counting.outcomes import sizes_in_ledger
from memscope.errors import OptionError, RunError
from memscope.files.atomic import remove_abandoned, write_atomically
from memscope.plan.recipe import OWN_LOOP
from memscope.plan.subsets import fraction_of
from memscope.reports.keys import report_of, stored_keys
from memscope.reports.resmem import RESULTS, HyperparameterGrid, MemorySelection, ResmemReport
from memscope.run import Run, open_run
from memscope.steps.drawing import Drawing, write
from memscope.store.ledger import FULL, ONEHOT, Task, finished_tasks, outcome_digest, read_outcome, state_for
from memscope.store.memories import MemoryFile, memory_path, read_memory
from memscope.store.results import read_results, write_results
from memscope.text import counted
from memscope.training.device import resolve_device
from memscope.work.carrying_out import (
    Done,
    OnEnd,
    Say,
    Work,
    WorkOptions,
    carry_out,
    check_work_options,
    data_to_send,
    silent,
    unseen,
    workers_of,
)
from memscope.work.data_set import ensure_examples, say_what_changed
from memscope.work.lost import failed_tasks
from memscope.work.memory_task import MemoryJob, file_of, open_memory_work
from memscope.work.timing import spent_on


@dataclass(frozen=True)
class MemoryOptions:
    """The values to compare of k, sigma and temperature (None: the defaults), and options of the memory."""

    k: tuple[int, ...] | None = None
    sigma: tuple[float, ...] | None = None
    temperature: tuple[float, ...] | None = None
    normalise: str = "none"
    metric: str = "euclidean"
    index: str = "exact"


def resmem(
    path: str | os.PathLike[str],
    tried: MemoryOptions | None = None,
    options: WorkOptions | None = None,
    *,
    epsilon: float = 0.2,
    plot: Drawing | Path | None = None,
    say: Say = silent,
    on_end: OnEnd = unseen,
) -> ResmemReport:
    """Measure what residual memories do, write `results/resmem.h5`, and return what was found.

    If tasks failed, nothing is written, and the report says which. `plot` says where the figures go. OptionError
    for a grid that is not possible, RunError if models or their weights are missing.
    """
    options = options or WorkOptions()
    check_work_options(options)
    check_options(epsilon)
    device = resolve_device(options.device)
    run = open_run(path)
    if run.plan.recipe.trainer != OWN_LOOP:
        raise OptionError(
            f"{run.path} was made with --trainer {run.plan.recipe.trainer}, so that memscope has no weights to take "
            "features from; use memscope.ResidualMemory on features and logits of your own"
        )
    sizes = sizes_in_ledger(run)
    grid = fitting_grid(run, tried or MemoryOptions())
    reserved = None if grid.single else RESERVED
    measured = {size: finished_tasks(run.path, run.plan, size) for size in sizes}
    full = {size: finished_tasks(run.path, run.plan, size, FULL) for size in sizes}
    check_blocks(run, measured, reserved)
    check_weights(run, [task for tasks in (*measured.values(), *full.values()) for task in tasks])
    remove_abandoned(run.path)
    ensure_examples(run, say=say)
    say_what_changed(run, say)

    found = unmeasured(run, grid, reserved, epsilon)
    done = Done()
    chosen = {size: Chosen(grid.choices()[0], [], None, None) for size in sizes}
    if reserved is not None:
        tasks = {size: [task for task in measured[size] if block_of(run, task) == reserved] for size in sizes}
        workers = counted(workers_of(options, device), "worker")
        say(f"choosing k, sigma and temperature on block {reserved} with {workers}")
        done = measure(run, grid, tasks, options, device, on_end)
        if done.failures:
            return with_failures(found, done)
        chosen = {size: choose(run, grid, size, tasks[size]) for size in sizes}
    scored = {size: [task for task in measured[size] if block_of(run, task) != reserved] + full[size] for size in sizes}
    say(f"measuring {sum(task.count for tasks in scored.values() for task in tasks):,} residual memories")
    choices = {size: chosen[size].choice for size in sizes}
    rest = measure(run, choices, scored, options, device, on_end)
    done = Done(done.models + rest.models, rest.failures)
    if done.failures:
        return with_failures(found, done)
    say("comparing with the trajectories")
    found = compare(run, grid, found, chosen, scored)
    if plot is not None:
        found = replace(found, figures=tuple(str(picture) for picture in draw_resmem_figures(run.path, plot)))
    return replace(found, measured=done.models)


def draw_resmem_figures(run_path: str | os.PathLike[str], plot: Drawing | Path) -> list[Path]:
    """Draw the stored comparison; the paths of the files. RunError where there is none."""
    from memscope.plots.resmem.figures import figures  # loads matplotlib

    run = open_run(run_path)
    _, _, summary = read_results(run.path, "resmem", run.plan)
    return write(plot, figures(report_of(ResmemReport, summary)))


def unmeasured(run: Run, grid: MemoryGrid, reserved: int | None, epsilon: float) -> ResmemReport:
    """The report before anything is measured."""
    return ResmemReport(
        run=str(run.path),
        axis=run.plan.axis,
        fraction=run.plan.fraction,
        data=run.plan.data.spec,
        family=run.plan.learner,
        examples=len(run.examples.labels),
        flipped=None if run.examples.flipped is None else int(run.examples.flipped.sum()),
        epsilon=epsilon,
        normalise=grid.normalise,
        metric=grid.metric,
        index=grid.index,
        reserved_block=reserved,
        grid=HyperparameterGrid(k=grid.k, sigma=grid.sigma, temperature=grid.temperature),
        block=run.plan.block,
    )


def with_failures(found: ResmemReport, done: Done) -> ResmemReport:
    """The report with the tasks that failed."""
    return replace(found, measured=done.models, failed=failed_tasks(done.failures))


@spent_on("scoring")
def compare(
    run: Run,
    grid: MemoryGrid,
    found: ResmemReport,
    chosen: dict[int, Chosen],
    tasks: dict[int, list[Task]],
) -> ResmemReport:
    """Compare, write `results/resmem.h5`, and return what is stored there."""
    ledger = state_for(run.path, run.plan, RESULTS)
    on_subsets = {
        size: count_memories(run, one.choice, [task for task in tasks[size] if task.variant == ONEHOT])
        for size, one in chosen.items()
    }
    on_all = {
        size: count_memories(run, one.choice, full)
        for size, one in chosen.items()
        if (full := [task for task in tasks[size] if task.variant == FULL])
    }
    pairs = predictions(on_subsets)
    found = replace(
        found,
        sizes=tuple(size_memory(run, size, one, on_subsets[size]) for size, one in chosen.items()),
        full=tuple(size_memory_on_all(size, counts) for size, counts in on_all.items()) or None,
        by_type=memory_by_type(run, on_subsets, found.epsilon),
        foretells=pairs,
    )
    values = stored(run, grid, chosen, on_subsets) | prediction_arrays(list(chosen), pairs)
    write_results(run.path, run.plan, "resmem", values, ledger, stored_keys(found))
    return found


def fitting_grid(run: Run, tried: MemoryOptions) -> MemoryGrid:
    """The grid, with the defaults in place of None; OptionError if a subset has fewer examples than a k.

    The default values of k leave out those for which a subset is too small.
    """
    smallest = int(len(run.examples.labels) * fraction_of(run.plan.fraction))
    given = {name: value for name, value in vars(tried).items() if value is not None}
    default = tuple(k for k in MemoryGrid().k if k <= smallest)
    grid = MemoryGrid(**({"k": default} | given))
    if grid.k[-1] > smallest:
        raise OptionError(f"k is {grid.k[-1]}; a subset of {run.path} has only {smallest} examples; take a smaller one")
    return grid


def check_blocks(run: Run, measured: dict[int, list[Task]], reserved: int | None) -> None:
    """RunError if a size lacks the reserved block, or has no other."""
    if reserved is None:
        return
    for size, tasks in measured.items():
        if there := block_lacking(run, tasks, reserved):
            raise RunError(
                f"{run.path}, {run.plan.axis} {size}: k, sigma and temperature are chosen on block {reserved} of the "
                f"models and scores made from the others, and there is {there}; train more with memscope train-family "
                f"{run.path} --models {max(run.plan.models, 2 * run.plan.block)}, or give one value each of --k, "
                "--sigma and --temperature"
            )


def check_weights(run: Run, tasks: Sequence[Task]) -> None:
    """RunError that names the models whose weights are missing, and the command that trains them again."""
    missing: dict[tuple[str, int], list[int]] = {}
    for task in without_weights(run, tasks):
        missing.setdefault((task.variant, task.size), []).extend(task.models)
    if missing:
        named = "; ".join(
            f"{run.plan.axis} {size}{' on all the data' if variant == FULL else ''}, models {spans(models)}"
            for (variant, size), models in missing.items()
        )
        count = sum(map(len, missing.values()))
        raise RunError(
            f"{run.path} has not kept the weights of {count} models, from which features are taken: {named}. They "
            f"would have to be trained again: memscope train-family {run.path} --missing-weights"
        )


def spans(numbers: list[int]) -> str:
    """0 to 9, 20 to 29"""
    ordered = sorted(numbers)
    starts = [n for n in ordered if n - 1 not in ordered]
    ends = [n for n in ordered if n + 1 not in ordered]
    return ", ".join(f"{a} to {b}" if b > a else str(a) for a, b in zip(starts, ends, strict=True))


def measure(
    run: Run,
    what: dict[int, MemoryChoice] | MemoryGrid,
    tasks: dict[int, list[Task]],
    options: WorkOptions,
    device: str,
    on_end: OnEnd,
) -> Done:
    """Carry out those of these tasks, given by size, that are not done yet; large sizes first."""

    def path_of(task: Task) -> Path:
        return memory_path(run.path, run.plan, task, file_of(what, task).choice)

    def write(task: Task, content: bytes) -> None:
        write_atomically(path_of(task), content)

    job = MemoryJob(str(run.path.absolute()), run.plan, device, what, data_to_send(run, options))
    work = Work(partial(open_memory_work, job), path_of, write)
    bundles = [(task,) for size in sorted(tasks, reverse=True) for task in tasks[size]]
    with spent_on("memories"):
        return carry_out(run, work, bundles, options, device, on_end)


def choose(run: Run, grid: MemoryGrid, size: int, tasks: list[Task]) -> Chosen:
    """The best choice for one size, over the models of the reserved block."""
    accuracy, base, queries = [], [], 0
    for task in tasks:
        digest = outcome_digest(read_outcome(run.path, run.plan, task))
        found = read_memory(run.path, run.plan, task, MemoryFile("memory-grid", grid.name), digest)
        good = ~found["diverged"].astype(bool)
        accuracy += list(found["accuracy"][good])
        base += list(found["base_accuracy"][good])
        queries += int(found["queries"][good].sum())
    if not accuracy:
        raise RunError(
            f"{run.path}, {run.plan.axis} {size}: every model of block {RESERVED}, on which k, sigma and temperature "
            "are chosen, diverged; give one value each of --k, --sigma and --temperature"
        )
    mean_accuracy = np.mean(accuracy, axis=0)
    choice, edge, best = best_choice(grid, mean_accuracy)
    selection = MemorySelection(
        models=len(accuracy), queries=queries, base_accuracy=float(np.mean(base)), accuracy=best
    )
    return Chosen(choice, edge, selection, mean_accuracy)
